"""Five thousand questions in the queue: what taking one costs, their memory, whether their positions are true."""

from __future__ import annotations

import asyncio
import re
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from benchmarks.load import SETTINGS
from benchmarks.storage import question
from benchmarks.verdict import Bound, Result
from bot.domain.conversation.store import ConversationKey
from bot.domain.queue.request import Destination, NewQuestion
from bot.domain.queue.store import QueueLimits
from bot.storage.database import Database
from sandbox.discord_api import DiscordDouble, Message
from sandbox.discord_api.model import Channel
from sandbox.discord_api.permissions import Permission
from sandbox.parallax import ParallaxDouble
from sandbox.parallax.script import Delta, Script
from tests.e2e.bot_process import Stage, staged

WAITING = 5_000
USERS = 500
CHANNELS = 250
"""Discord lets a bot edit five messages in five seconds per channel: in few channels it would take an hour to say
5,000 positions."""
HELD_SECONDS = 3600.0
CLAIMS = 200
HEAD = 20
SAMPLE = 100
SETTLE_SECONDS = 4.0
PATIENCE = 420.0
MIB = 1024 * 1024
LIMITS = QueueLimits(per_user=2 * WAITING, total=2 * WAITING)
_POSITION = re.compile(r"(next|[\d,]+(?:st|nd|rd|th)) in the queue")


async def run() -> list[Result]:
    """Measure; about six minutes, most of them Discord's limits on edits."""
    with tempfile.TemporaryDirectory() as folder:
        parallax = ParallaxDouble(nodes=1, slots=1, lag=False)
        settings = {**SETTINGS, "QUEUE_MAX_TOTAL": str(2 * WAITING), "QUEUE_MAX_PER_USER": str(2 * WAITING)}
        async with staged(Path(folder), discord=DiscordDouble(), parallax=parallax, **settings) as stage:
            await _occupy(stage)
            before = await _settled_memory(stage)
            await stage.bot.terminate()
            url = stage.bot.environment["DATABASE_URL"]
            messages = await _fill(url, stage)
            await _occupy_again(stage)
            after = await _settled_memory(stage)
            results = [await _submission(stage), await _places(stage, url, messages)]
            results.append(_memory(before, after, await _settled_memory(stage)))
            await stage.bot.terminate()
            results.append(await _claims(url))
            # `staged` ends a living bot.
            await stage.bot.start()
            await stage.discord.bot_ready()
            return results


async def _occupy(stage: Stage) -> None:
    """Let one question hold the only slot from here on."""
    for _ in range(4):
        stage.parallax.script(Script((Delta("word "), Delta("end", delay=HELD_SECONDS))))
    await (await stage.discord.person("ada").slash("general", "ask", prompt="Hold the slot")).response()
    await stage.parallax.wait_until(lambda: any(r.outcome == "open" for r in stage.parallax.requests), timeout=10)


async def _occupy_again(stage: Stage) -> None:
    running = len(stage.parallax.requests)
    await stage.bot.start()
    await stage.discord.bot_ready(timeout=60)
    await stage.parallax.wait_until(lambda: len(stage.parallax.requests) > running, timeout=30)


async def _settled_memory(stage: Stage) -> float:
    await asyncio.sleep(SETTLE_SECONDS)
    if stage.bot.process is None:
        raise RuntimeError("the bot does not run")
    return float(psutil.Process(stage.bot.process.pid).memory_info().rss) / MIB


async def _fill(url: str, stage: Stage) -> dict[str, Message]:
    """Put 5,000 questions into the queue, each with the message that acknowledged it."""
    world, beside = stage.discord.world, stage.discord.channel("general")
    rooms = [
        world.add_channel(Channel(world.ids.next(), beside.type, f"room-{n}", beside.guild_id))
        for n in range(CHANNELS)
    ]
    if not world.permissions(world.bot.id, rooms[0]) & Permission.VIEW_CHANNEL:
        raise RuntimeError("the bot does not see the new channels")
    messages: dict[str, Message] = {}
    async with Database.open(url) as database:
        for number in range(WAITING):
            room = rooms[number % CHANNELS]
            key = ConversationKey(room.id, room.guild_id)
            asked = _question(number, room, await database.conversations.conversation(key))
            await database.requests.enqueue(asked, LIMITS)
            message = Message(world.ids.next(), room.id, world.bot, world.clock.now(), guild_id=room.guild_id)
            message.flags = 32768
            message.components = [{"type": 10, "id": 1, "content": "asked"}]
            world.message_added(message)
            await database.requests.attach_message(asked.request_id, 0, message.id)
            messages[asked.request_id] = message
    return messages


def _question(number: int, room: Channel, conversation: int) -> NewQuestion:
    made = question(number, conversation)
    destination = Destination(
        application_id=1, channel_id=room.id, guild_id=room.guild_id, private=False, channel_route=True
    )
    return NewQuestion(
        request_id=f"{number:016x}",
        asker=made.asker,
        destination=destination,
        conversation_id=conversation,
        prompt=made.prompt,
        asked_at=time.time(),
        cost=made.cost,
    )


def _memory(before: float, after: float, shown: float) -> Result:
    figures = {
        "idle_mib": round(before, 1),
        "with_5000_mib": round(after, 1),
        "with_all_places_told_mib": round(shown, 1),
        "growth_mib": round(max(after, shown) - before, 1),
    }
    return Result("line.memory", figures, (Bound("growth_mib", 50),))


async def _submission(stage: Stage) -> Result:
    """From a person's slash command to the acknowledgement, while 5,000 wait."""
    spent: list[float] = []
    for number in range(10):
        began = time.monotonic()
        await (await stage.discord.person("ben").slash("random", "ask", prompt=f"One more, {number}")).response()
        spent.append((time.monotonic() - began) * 1000)
    median, worst = statistics.median(spent), max(spent)
    return Result(
        "line.acknowledged_at_5000",
        {"median_ms": round(median, 1), "max_ms": round(worst, 1)},
        (Bound("median_ms", 200),),
    )


async def _places(stage: Stage, url: str, messages: dict[str, Message]) -> Result:
    """How soon the head of the queue shows true positions, and when the whole queue does."""
    async with Database.open(url) as database:
        order = list(await database.requests.waiting_ids())
    placed = [(position, messages[one]) for position, one in enumerate(order, start=1) if one in messages]
    began = time.monotonic()
    await stage.discord.wait_until(lambda: _wrong(placed[:HEAD]) == 0, 60)
    head = time.monotonic() - began
    sample = placed[:: max(1, len(placed) // SAMPLE)]
    await stage.discord.wait_until(lambda: _wrong(sample) == 0, PATIENCE)
    everything = time.monotonic() - began
    return Result(
        "line.places",
        {
            "head_s": round(head, 1),
            "all_s": round(everything, 1),
            "wrong_of_head": _wrong(placed[:HEAD]),
            "wrong_of_sample": _wrong(sample),
            "sample": len(sample),
        },
        (Bound("wrong_of_head", 0), Bound("wrong_of_sample", 0), Bound("head_s", 10)),
    )


def _wrong(placed: Sequence[tuple[int, Message]]) -> int:
    return sum(_shown(message) != position for position, message in placed)


def _shown(message: Message) -> int | None:
    found = _POSITION.search(message.text)
    if found is None:
        return None
    return 1 if found.group(1) == "next" else int(found.group(1)[:-2].replace(",", ""))


async def _claims(url: str) -> Result:
    """Taking the next question, in this process: the time of the transaction."""
    spent: list[float] = []
    async with Database.open(url) as database:
        for _ in range(CLAIMS):
            began = time.perf_counter()
            claimed = await database.requests.claim("benchmark", now=lambda: 1.0, lease=1e9)
            spent.append((time.perf_counter() - began) * 1000)
            if claimed is None:
                raise RuntimeError("nothing could be taken")
    spent.sort()
    return Result(
        "line.claim_at_5000",
        {"median_ms": round(statistics.median(spent), 2), "p95_ms": round(spent[int(CLAIMS * 0.95)], 2)},
        (Bound("median_ms", 5),),
    )
