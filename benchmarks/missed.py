"""500 messages are written in 50 channels while the bot is stopped, 30 of them questions; it is killed while it
catches up, and started again. Discord's limits are on, and a round trip takes 60 ms."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

from benchmarks.verdict import Bound, Result
from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.people import Person
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.forked_start import forking
from tests.e2e.reading import ask, is_over, new_room, of_the_bot, started_again, until_over

CHANNELS = 50
MESSAGES = 500
QUESTIONS = 30
KILLED_AFTER = 10
"""Replies in Discord when the bot is killed."""
PATIENCE = 120.0


async def run() -> list[Result]:
    """Measure; about a minute."""
    with forking(), tempfile.TemporaryDirectory() as folder:
        async with staged(
            Path(folder),
            discord=DiscordDouble(latency=0.06),
            parallax=ParallaxDouble(tokens_per_second=1000, slots=16, lag=False),
            SHUTDOWN_GRACE="2",
            QUEUE_MAX_PER_USER="50",
        ) as stage:
            return [await _measured(stage, Path(folder))]


async def _measured(stage: Stage, folder: Path) -> Result:
    people = [stage.discord.person(name) for name in ("ada", "ben", "chloe", "olga")]
    rooms = [new_room(stage) for _ in range(CHANNELS)]
    await _used(stage, rooms, people)
    await stage.bot.terminate()
    questions = await _written(stage, rooms, people)
    began = time.monotonic()
    await started_again(stage)
    await stage.discord.wait_until(lambda: len(_replied(stage, questions)) >= KILLED_AFTER, PATIENCE)
    await stage.bot.kill()
    killed_after = time.monotonic() - began
    await started_again(stage)
    await stage.discord.wait_until(lambda: len(_replied(stage, questions)) == QUESTIONS, PATIENCE)
    asked_after = time.monotonic() - began
    await stage.discord.wait_until(lambda: all(map(is_over, _replied(stage, questions))), PATIENCE)
    answered_after = time.monotonic() - began
    # Another start finds nothing to do.
    await stage.bot.terminate()
    done = stage.bot.log.count("catch_up.done")
    await started_again(stage)
    await stage.bot.logged("catch_up.done", done + 1)
    replies = Counter(message.referenced.id for message in _replied(stage, questions) if message.referenced)
    with closing(sqlite3.connect(folder / "bot.db")) as database:
        rows = Counter(row[0] for row in database.execute("SELECT source_message_id FROM requests"))
    asked = {question.id for question in questions}
    return Result(
        "missed",
        {
            "channels": CHANNELS,
            "messages": MESSAGES,
            "questions": QUESTIONS,
            "replies_at_the_kill": KILLED_AFTER,
            "killed_after_s": round(killed_after, 2),
            "read_s": _longest_reading(stage),
            "asked_after_s": round(asked_after, 2),
            "answered_after_s": round(answered_after, 2),
            "not_asked": sum(rows[number] == 0 for number in asked),
            "asked_twice": sum(rows[number] > 1 or replies[number] > 1 for number in asked),
            "others_asked": sum(number is not None and number not in asked for number in rows),
            "refused_calls": len(stage.discord.limits.rejections),
        },
        (
            Bound("asked_after_s", 60),
            Bound("read_s", 10),
            Bound("not_asked", 0),
            Bound("asked_twice", 0),
            Bound("others_asked", 0),
        ),
    )


async def _used(stage: Stage, rooms: Sequence[Channel], people: Sequence[Person]) -> None:
    """A question in each channel, before the bot is stopped."""
    for start in range(0, len(rooms), 10):
        asked = await asyncio.gather(
            *(ask(people[n % len(people)], room, "Hello?") for n, room in enumerate(rooms[start : start + 10]))
        )
        await until_over(stage, *asked, timeout=PATIENCE)


async def _written(stage: Stage, rooms: Sequence[Channel], people: Sequence[Person]) -> list[Message]:
    """What people write meanwhile; returns the questions."""
    questions: list[Message] = []
    stage.discord.latency = 0.0
    for number in range(MESSAGES):
        room, who = rooms[number % CHANNELS], people[number % len(people)]
        # Spread over the channels and over the time.
        if number % (MESSAGES // QUESTIONS) == 0 and len(questions) < QUESTIONS:
            questions.append(await who.say(room, f"<@{stage.discord.world.bot.id}> Question {number}?"))
        else:
            await who.say(room, f"Talk {number}")
    stage.discord.latency = 0.06
    return questions


def _replied(stage: Stage, questions: Sequence[Message]) -> list[Message]:
    """The bot's replies to the questions."""
    wanted = {question.id for question in questions}
    rooms = {question.channel_id for question in questions}
    found = [message for room in rooms for message in of_the_bot(stage, stage.discord.world.channels[room])]
    return [message for message in found if message.referenced is not None and message.referenced.id in wanted]


def _longest_reading(stage: Stage) -> float:
    """Seconds from the connection until all channels were read, at the slowest start."""
    seconds, connected = [0.0], None
    for line in stage.bot.log.splitlines():
        entry = json.loads(line) if line.startswith("{") else {}
        at = datetime.fromisoformat(entry["timestamp"]) if "timestamp" in entry else None
        if entry.get("event") == "discord.shard_connected":
            connected = at
        elif entry.get("event") == "catch_up.read" and at is not None and connected is not None:
            seconds.append((at - connected).total_seconds())
    return round(max(seconds), 2)
