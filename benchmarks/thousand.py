"""A thousand questions at once: who hears of it in time, what Discord refuses meanwhile, what becomes of all."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from benchmarks.load import script_of
from benchmarks.verdict import Bound, Result
from bot.domain.discord_calls.budget import CALLS
from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.limits import CALLBACK, GLOBAL, WEBHOOK, Limits
from sandbox.discord_api.model import Channel
from sandbox.discord_api.people import Invocation
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged

QUESTIONS = 1000
PEOPLE = 200
ROOMS = 100
"""Together they take a hundred edits a second by the channel's own limits: the global limit is what counts."""

SLOTS = 64
SERVICE = 0.2
WATCHED = 180.0
"""Real seconds until the benchmark ends. Nothing may be lost by then; what still waits is counted."""

LOOK_EVERY = 1.0
ANSWERED = "delivered"
OPEN = ("queued", "running", "answered")
SETTINGS = {
    "QUEUE_MAX_PER_USER": str(QUESTIONS),
    "QUEUE_MAX_TOTAL": str(QUESTIONS),
    "ANNOUNCE_AFTER": "3600",
    "LOG_LEVEL": "WARNING",
}


async def run() -> list[Result]:
    """Measure; at most four minutes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parallax = ParallaxDouble(nodes=1, slots=SLOTS, lag=False, routing_cost=0.0)
        async with staged(folder, discord=DiscordDouble(), parallax=parallax, **SETTINGS) as stage:
            for _ in range(QUESTIONS):
                parallax.script(script_of(SERVICE))
            began = time.monotonic()
            asked = await _ask_all(stage)
            await _until_settled(stage, folder / "bot.db", began + WATCHED)
            return _results(stage, asked, _states(folder / "bot.db"), time.monotonic() - began)


async def _ask_all(stage: Stage) -> Sequence[Invocation]:
    world, beside = stage.discord.world, stage.discord.channel("general")
    people = [stage.discord.new_person(f"asker{number}", "Team") for number in range(PEOPLE)]
    rooms = [
        world.add_channel(Channel(world.ids.next(), beside.type, f"hall-{number}", beside.guild_id))
        for number in range(ROOMS)
    ]
    return await asyncio.gather(
        *(
            people[number % PEOPLE].slash(rooms[number % ROOMS], "ask", prompt=f"Question {number}")
            for number in range(QUESTIONS)
        )
    )


async def _until_settled(stage: Stage, database: Path, until: float) -> None:
    """Return when every question was taken or refused and none is open, or at ``until`` (monotonic seconds)."""
    while time.monotonic() < until and not stage.discord.limits.banned:
        await asyncio.sleep(LOOK_EVERY)
        states = _states(database)
        if sum(states.values()) >= QUESTIONS and not any(states[state] for state in OPEN):
            return


def _states(database: Path) -> Counter[str]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return Counter(dict(connection.execute("SELECT state, COUNT(*) FROM requests GROUP BY state").fetchall()))


def _results(stage: Stage, asked: Sequence[Invocation], states: Mapping[str, int], seconds: float) -> list[Result]:
    limits = stage.discord.limits
    kept = sum(states.values())
    return [
        Result(
            "thousand.discord",
            {
                "refused_429": len(limits.rejections),
                "invalid_answers": limits.invalid_total,
                "not_found": sum(request.status == 404 for request in stage.discord.trace),
                "bot_calls_a_second": busiest_second(limits),
                "banned": int(limits.banned),
            },
            (Bound("refused_429", 0), Bound("bot_calls_a_second", CALLS), Bound("banned", 0)),
        ),
        Result("thousand.refused_by", Counter(f"{one.method} {one.counter}" for one in limits.rejections)),
        Result(
            "thousand.questions",
            {
                "without_response": sum(not one.is_acked for one in asked),
                "not_kept": QUESTIONS - kept,
                "unanswered": QUESTIONS - states.get(ANSWERED, 0),
                "seconds": round(seconds, 1),
            },
            (Bound("not_kept", 0), Bound("unanswered", 0)),
        ),
        Result("thousand.states", dict(states)),
    ]


def busiest_second(limits: Limits) -> int:
    """The most calls by the bot's own token in any second, the refused ones included."""
    exempt = {WEBHOOK.counter, CALLBACK.counter}
    passed = [at for (counter, _), times in limits.traces.items() if counter not in exempt for at in times]
    refused = [one.at for one in limits.rejections if one.counter not in exempt]
    times = sorted((*passed, *refused))
    return max((bisect_left(times, at + GLOBAL.window) - index for index, at in enumerate(times)), default=0)
