"""Many questions and commands in one moment: how soon each has its first answer, and what one costs.

The bot, the scheduler and Discord are processes of their own; the benchmark's process is Discord. ``discord_*`` is
what that one uses and how late its event loop is: only while that is little, the times are the bot's.
"""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.measure import percentile, shows_token
from benchmarks.probed_bot import LoopLag
from benchmarks.scheduler_process import Load, scheduler
from benchmarks.streams import ProbedBot
from benchmarks.verdict import Bound, Result
from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel
from sandbox.discord_api.people import Invocation, Person
from tests.e2e.bot_process import bot_environment
from tests.fakes.databases import new_database

LATENCY = 0.06
"""Seconds that a call to Discord takes, there and back."""
EACH = 5
"""Commands of one person."""
IN_A_ROOM = 10
WITHIN = 20.0
"""Seconds after which every question is in the queue, or will not be."""
LOOK_EVERY = 0.05
SETTLE = 1.0
PATIENCE = 60.0

SETTINGS = {
    "QUEUE_MAX_PER_USER": "5000",
    "QUEUE_MAX_TOTAL": "5000",
    "ANNOUNCE_AFTER": "3600",
    "LOG_LEVEL": "WARNING",
    "SHUTDOWN_GRACE": "0",
}

OCCUPIED = Load(1, 600, 5.0)
"""The cluster works on one long answer, so that the figures are those of asking."""
STREAMS = Load(100, 1200, 30.0)
"""Answers that stream beside mixed commands."""
MIXED = 300
KINDS = ("status", "models", "queue", "usage", "settings", "context show", "join", "press", "menu", "dialogue")


@dataclass(frozen=True, slots=True)
class Level:
    """``count`` questions, of which at most ``cpu_ms`` of the bot's processor time are used for each until all are
    acknowledged, and 95 % of them acknowledged within ``p95`` seconds. ``direct``: by direct messages."""

    count: int
    p95: float
    cpu_ms: float
    direct: bool = False

    @property
    def name(self) -> str:
        """Of its result."""
        return f"burst.{'direct.' if self.direct else ''}{self.count}"


LEVELS = (Level(100, 0.5, 3.0), Level(1000, 2.5, 3.0), Level(2000, 2.9, 3.0), Level(300, 2.5, 4.0, direct=True))


@dataclass(frozen=True, slots=True)
class Sent:
    """What somebody sent ``at`` this moment (monotonic seconds)."""

    at: float
    invocation: Invocation

    @property
    def waited(self) -> float:
        """Seconds until its first answer; infinite when there was none."""
        acked_at = self.invocation.interaction.acked_at
        return float("inf") if acked_at is None else acked_at - self.at


@dataclass(frozen=True, slots=True)
class Stage:
    """The bot, and Discord in this process."""

    discord: DiscordDouble
    bot: psutil.Process
    database: Path


class Meter:
    """Processor time of the bot and of this process, and how late this one's event loop is, since its creation."""

    def __init__(self, stage: Stage) -> None:
        self._both = (stage.bot, psutil.Process())
        self._lag = LoopLag()
        self._lag.start()
        self._used = self._now()

    def read(self) -> tuple[float, float, float]:
        """Seconds of the bot, of this process, and how late its loop was (99 %)."""
        late = [late for _, late in self._lag.seen] or [0.0]
        bot, here = (now - before for now, before in zip(self._now(), self._used, strict=True))
        return bot, here, percentile(late, 0.99)

    def _now(self) -> list[float]:
        times = [process.cpu_times() for process in self._both]
        return [time.user + time.system for time in times]


async def run() -> list[Result]:
    """Measure; about a minute and a half."""
    results = [await _burst(level) for level in LEVELS]
    return [*results, await _mixed()]


@asynccontextmanager
async def _staged(load: Load, **settings: str) -> AsyncIterator[Stage]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with DiscordDouble(latency=LATENCY) as discord, scheduler(load) as cluster:
            new_database(folder)
            environment = bot_environment(discord, cluster.url, folder, {**SETTINGS, **settings})
            bot = ProbedBot(environment, folder / "bot.log")
            await bot.start()
            try:
                await bot.ready(discord)
                assert bot.process is not None  # noqa: S101  # it was started
                yield Stage(discord, psutil.Process(bot.process.pid), folder / "bot.db")
                status = await bot.terminate()
                assert status == 0, f"the bot ended with {status}:\n{bot.log[-5000:]}"  # noqa: S101  # a benchmark
            finally:
                await bot.kill()


async def _burst(level: Level) -> Result:
    team = next(guild.id for guild in DiscordDouble().world.guilds.values() if guild.name == "Team")
    async with _staged(OCCUPIED, **({"DM_GUILD_ID": str(team)} if level.direct else {})) as stage:
        discord, count = stage.discord, level.count
        await (await discord.person("olga").slash("general", "ask", prompt="First")).acked()
        each = 1 if level.direct else EACH
        people = [discord.new_person(f"asker{number}", "Team") for number in range(count // each)]
        rooms = [person.dm for person in people] if level.direct else _rooms(discord, count // IN_A_ROOM)
        sent, meter = await _at_once(
            stage,
            [
                people[n % len(people)].slash(rooms[n % len(rooms)], "ask", prompt=f"Question {n}")
                for n in range(count)
            ],
        )
        bot, here, late = meter.read()
        # Some of them are still on their way into the queue, behind a first answer that promises nothing.
        await _until(lambda: _kept(stage.database) > count, WITHIN)
        figures = {
            **_times(sent),
            "not_kept": 1 + count - _kept(stage.database),
            "refused_429": len(discord.limits.rejections),
            "cpu_ms_each": round(1000 * bot / count, 2),
            "cpu_ms_each_until_kept": round(1000 * meter.read()[0] / count, 2),
            "discord_cpu_ms_each": round(1000 * here / count, 2),
            "discord_lag_p99_ms": round(1000 * late, 1),
        }
    bounds = (
        Bound("without_response", 0),
        Bound("not_kept", 0),
        Bound("refused_429", 0),
        Bound("acknowledged_p95", level.p95),
        Bound("cpu_ms_each", level.cpu_ms),
    )
    return Result(level.name, figures, bounds)


async def _mixed() -> Result:
    """Commands of all kinds, presses and dialogues in one moment, while a hundred answers stream."""
    async with _staged(STREAMS) as stage:
        discord = stage.discord
        await _stream(discord)
        people = [discord.new_person(f"guest{number}", "Team") for number in range(MIXED // EACH)]
        rooms = _rooms(discord, MIXED // IN_A_ROOM)
        sent, meter = await _at_once(stage, await _acts(discord, people, rooms))
        bot, here, late = meter.read()
        figures = {
            **_times(sent),
            "refused_429": len(discord.limits.rejections),
            "cpu_ms_each_with_streams": round(1000 * bot / MIXED, 2),
            "discord_cpu_ms_each": round(1000 * here / MIXED, 2),
            "discord_lag_p99_ms": round(1000 * late, 1),
        }
    bounds = (Bound("without_response", 0), Bound("refused_429", 0), Bound("acknowledged_p95", 2.5))
    return Result("burst.mixed", figures, bounds)


async def _stream(discord: DiscordDouble) -> None:
    """Begin :data:`STREAMS`, each in a channel of its own; returns when all show words."""
    halls = _rooms(discord, STREAMS.streams)
    people = [discord.new_person(f"reader{number}", "Team") for number in range(STREAMS.streams)]
    for begin in range(0, STREAMS.streams, 20):
        some = list(zip(people, halls, strict=True))[begin : begin + 20]
        asked = await asyncio.gather(*(who.slash(hall, "ask", prompt="Count, please.") for who, hall in some))
        for one in asked:
            await one.acked(PATIENCE)
    await _until(lambda: all(any(shows_token(m.text) for m in discord.messages(hall)) for hall in halls), PATIENCE)


async def _acts(
    discord: DiscordDouble, people: Sequence[Person], rooms: Sequence[Channel]
) -> list[Awaitable[Invocation]]:
    """What people do: every other thing is a question, the rest are commands, presses and dialogues by turns."""
    answer = discord.messages("hall-0")[0]
    card = await (await people[0].slash("general", "status")).done_loading()
    acts: list[Awaitable[Invocation]] = []
    for number in range(MIXED):
        person, room = people[number % len(people)], rooms[number % len(rooms)]
        kind = KINDS[number // 2 % len(KINDS)]
        if number % 2:
            acts.append(person.slash(room, "ask", prompt=f"Question {number}"))
        elif kind == "press":
            acts.append(person.click(card, "Live"))
        elif kind == "menu":
            acts.append(person.menu(answer, "Ask about this"))
        elif kind == "dialogue":
            opened = await (await person.menu(answer, "Ask about this")).acked()
            acts.append(person.submit(opened, {"question": f"Question {number}"}))
        else:
            acts.append(person.slash(room, kind))
    return acts


async def _at_once(stage: Stage, acts: Sequence[Awaitable[Invocation]]) -> tuple[list[Sent], Meter]:
    """Let all this happen in one moment; returns when each has its first answer, or has none in time."""
    await asyncio.sleep(SETTLE)
    # What the benchmark keeps in memory is not to cost it time while it serves.
    gc.collect()
    gc.freeze()
    meter = Meter(stage)
    sent = await asyncio.gather(*(_timed(act) for act in acts))
    await _until(lambda: all(one.invocation.interaction.state != "pending" for one in sent), WITHIN)
    return sent, meter


async def _timed(act: Awaitable[Invocation]) -> Sent:
    invocation = await act
    return Sent(time.monotonic(), invocation)


async def _until(reached: Callable[[], bool], seconds: float) -> None:
    """Wait until this is so, at most so many seconds. It is looked at now and then: a look at every change would
    cost more than the doubles themselves."""
    until = time.monotonic() + seconds
    while not reached() and time.monotonic() < until:  # noqa: ASYNC110  # see above
        await asyncio.sleep(LOOK_EVERY)


def _rooms(discord: DiscordDouble, count: int) -> list[Channel]:
    world, beside = discord.world, discord.channel("general")
    return [
        world.add_channel(Channel(world.ids.next(), beside.type, f"hall-{number}", beside.guild_id))
        for number in range(count)
    ]


def _kept(database: Path) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM requests").fetchone()[0])


def _times(sent: Sequence[Sent]) -> dict[str, float]:
    waits = sorted(one.waited for one in sent)
    return {
        "without_response": sum(not one.invocation.is_acked for one in sent),
        "acknowledged_p50": round(waits[len(waits) // 2], 3),
        "acknowledged_p95": round(waits[int(len(waits) * 0.95)], 3),
        "acknowledged_last": round(waits[-1], 3),
        "deferred": sum(one.invocation.interaction.response == 5 for one in sent),
    }
