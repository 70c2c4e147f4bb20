"""A hundred and then a thousand questions in one moment: how soon each is acknowledged, and what one costs.

The cluster works on one long answer meanwhile, so that the figures are those of asking.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import script_of
from benchmarks.verdict import Bound, Result
from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel
from sandbox.discord_api.people import Invocation, Person
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged

LATENCY = 0.06
"""Seconds that a call to Discord takes, there and back."""
BURSTS = (100, 1000)
EACH = 5
"""Questions of one person."""
IN_A_ROOM = 10
WITHIN = 10.0
"""Seconds after which every question is acknowledged and in the queue, or will not be."""
OCCUPIED = 120.0
LOOK_EVERY = 0.05

SETTINGS = {
    "QUEUE_MAX_PER_USER": "2000",
    "QUEUE_MAX_TOTAL": "2000",
    "ANNOUNCE_AFTER": "3600",
    "LOG_LEVEL": "WARNING",
    "SHUTDOWN_GRACE": "0",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was sent ``at`` this moment (monotonic seconds)."""

    at: float
    sent: Invocation

    @property
    def waited(self) -> float:
        """Seconds until it was acknowledged; infinite when it was not."""
        acked_at = self.sent.interaction.acked_at
        return float("inf") if acked_at is None else acked_at - self.at


async def run() -> list[Result]:
    """Measure; about a minute."""
    return [result for count in BURSTS for result in await _burst(count)]


async def _burst(count: int) -> list[Result]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parallax = ParallaxDouble(nodes=1, slots=1, lag=False, routing_cost=0.0)
        async with staged(folder, discord=DiscordDouble(latency=LATENCY), parallax=parallax, **SETTINGS) as stage:
            parallax.script(script_of(OCCUPIED))
            await (await stage.discord.person("olga").slash("general", "ask", prompt="First")).acked()
            people = [stage.discord.new_person(f"asker{number}", "Team") for number in range(count // EACH)]
            rooms = _rooms(stage, count // IN_A_ROOM)
            before = _cpu(stage)
            asked = await asyncio.gather(
                *(_ask(people[n % len(people)], rooms[n % len(rooms)], f"Question {n}") for n in range(count))
            )
            await _until(lambda: all(one.sent.interaction.state != "pending" for one in asked))
            spent = _cpu(stage) - before
            # Some of them are still on their way into the queue, behind a first answer that promises nothing.
            await _until(lambda: _kept(folder / "bot.db") > count)
            return _results(stage, asked, _kept(folder / "bot.db") - 1, spent)


async def _ask(person: Person, room: Channel, prompt: str) -> Asked:
    sent = await person.slash(room, "ask", prompt=prompt)
    return Asked(time.monotonic(), sent)


async def _until(reached: Callable[[], bool]) -> None:
    """Wait until this is so, at most :data:`WITHIN` seconds. It is looked at now and then: a look at every change
    would cost more than the doubles themselves."""
    until = time.monotonic() + WITHIN
    while not reached() and time.monotonic() < until:  # noqa: ASYNC110  # see above
        await asyncio.sleep(LOOK_EVERY)


def _rooms(stage: Stage, count: int) -> list[Channel]:
    world, beside = stage.discord.world, stage.discord.channel("general")
    return [
        world.add_channel(Channel(world.ids.next(), beside.type, f"hall-{number}", beside.guild_id))
        for number in range(count)
    ]


def _cpu(stage: Stage) -> float:
    """Seconds of processor time that the bot has used."""
    process = stage.bot.process
    if process is None:
        raise RuntimeError("the bot does not run")
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _kept(database: Path) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM requests").fetchone()[0])


def _results(stage: Stage, asked: Sequence[Asked], kept: int, spent: float) -> list[Result]:
    count = len(asked)
    waits = sorted(one.waited for one in asked)
    deferred = sum(one.sent.interaction.response == 5 for one in asked)
    return [
        Result(
            f"burst.{count}",
            {
                "without_response": sum(not one.sent.is_acked for one in asked),
                "not_kept": count - kept,
                "refused_429": len(stage.discord.limits.rejections),
                "acknowledged_p50": round(waits[count // 2], 3),
                "acknowledged_p95": round(waits[int(count * 0.95)], 3),
                "acknowledged_last": round(waits[-1], 3),
                "deferred": deferred,
                "cpu_ms_each": round(1000 * spent / count, 2),
            },
            (
                Bound("without_response", 0),
                Bound("not_kept", 0),
                Bound("refused_429", 0),
                Bound("acknowledged_p95", 1.0 if count < 1000 else 2.5),
                Bound("cpu_ms_each", 6.0),
            ),
        )
    ]
