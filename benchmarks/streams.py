"""Many answers that stream at once: the bot's CPU time for a token, the age of unseen text, the lag of its loop.

The bot, the scheduler and Discord are processes of their own; the benchmark's process is Discord. Everything is
measured while all answers stream.
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.measure import percentile, seen, shows_token, staleness
from benchmarks.probed_bot import BEGIN, END
from benchmarks.scheduler_process import Load, scheduler
from benchmarks.verdict import Bound, Result
from sandbox.discord_api import DiscordDouble, Message
from sandbox.discord_api.model import Channel
from sandbox.discord_api.people import Person
from sandbox.parallax.log import ChatRecord
from tests.e2e.bot_process import ROOT, BotProcess, bot_environment
from tests.e2e.reading import is_over
from tests.fakes.databases import new_database

REST = 0.060
MB = 1_000_000
ASKED_AT_ONCE = 20
LOOK_EVERY = 1.0
PATIENCE = 120.0
LONGEST = 30.0
SETTLE = 1.0
"""Seconds after the last answer has begun before measuring begins."""


@dataclass(frozen=True, slots=True)
class Level:
    """A load with its bounds: CPU time for a token in microseconds, the mean age of unseen text in seconds, the
    99th percentile of the loop's lag in milliseconds, and the memory in MB."""

    load: Load
    cpu: float
    age: float = 0.26
    lag: float = 50.0
    memory: float = 120.0


LEVELS = (
    # A few answers seldom have anything to do at the same time: most of their cost is that the loop wakes up.
    Level(Load(1, 300, 30.0), cpu=1000.0),
    Level(Load(10, 300, 30.0), cpu=400.0),
    Level(Load(100, 600, 30.0), cpu=150.0, memory=150.0),
    # A thousand are more than one core can edit as often as Discord permits.
    Level(Load(1000, 450, 10.0), cpu=110.0, age=1.0, lag=100.0, memory=400.0),
)

SETTINGS = {"QUEUE_MAX_TOTAL": "5000", "ANNOUNCE_AFTER": "3600", "LOG_LEVEL": "WARNING", "PYTHONOPTIMIZE": "2"}


@dataclass(frozen=True, slots=True)
class Span:
    """What the bot used from one moment to another (monotonic seconds)."""

    began: float
    ended: float
    cpu: float
    resident_mb: float


@dataclass(frozen=True, slots=True)
class Measured:
    """A load with all that was seen of it. ``stacks`` as :mod:`benchmarks.probed_bot` writes them."""

    load: Load
    span: Span
    records: Sequence[ChatRecord]
    answers: Sequence[Sequence[Message]]
    lag: Sequence[tuple[float, float]]
    stacks: dict[str, int]


class TooSlow(Exception):
    """The machine does not get as far as to what is measured."""


class ProbedBot(BotProcess):
    """The bot with a look at its event loop, as :mod:`benchmarks.probed_bot` runs it."""

    @property
    def _report(self) -> Path:
        return self.log_file.with_name("report.json")

    async def start(self) -> None:
        """Start the process."""
        with self.log_file.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "benchmarks.probed_bot", str(self._report)),
                env=dict(self.environment),
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )

    def report(self) -> dict[str, Any]:
        """What it has written at its end."""
        said: dict[str, Any] = json.loads(self._report.read_text(encoding="utf-8"))
        return said


async def run() -> list[Result]:
    """Measure; about four minutes."""
    results: list[Result] = []
    per_second: dict[int, float] = {}
    for level in LEVELS:
        load = level.load
        try:
            measured = await measure(load)
        except (TooSlow, TimeoutError) as error:
            print(f"{load.streams} streams: {error}", file=sys.stderr)
            results.append(Result(_name(load), {"not_measured": 1}, (Bound("not_measured", 0),)))
            continue
        results.append(result_of(measured, level))
        per_second[load.streams] = measured.span.cpu / (measured.span.ended - measured.span.began)
    if {10, 100} <= per_second.keys():
        further = (per_second[100] - per_second[10]) / 90
        results.append(Result("streams.further_stream", {"cpu_ms_a_second": round(further * 1000, 2)}))
    return results


def _name(load: Load) -> str:
    return f"streams.{load.streams}x{load.rate:g}"


async def measure(load: Load, *, profile: bool = False) -> Measured:
    """Let the real bot show so many answers at once, and wait until all are complete."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with DiscordDouble(latency=REST) as discord, scheduler(load) as cluster:
            new_database(folder)
            bot = ProbedBot(bot_environment(discord, cluster.url, folder, SETTINGS), folder / "bot.log")
            async with _running(bot, discord) as process:
                halls = await _ask_all(discord, load)
                span = await _while_all_stream(discord, process, halls, profile=profile)
                await _until(lambda: all(map(_is_shown, _answers(discord, halls))), PATIENCE, "all answers end")
            said = bot.report()
            answers = _answers(discord, halls)
            return Measured(load, span, await cluster.records(), answers, said["lag"], said["stacks"])


@asynccontextmanager
async def _running(bot: ProbedBot, discord: DiscordDouble) -> AsyncIterator[psutil.Process]:
    await bot.start()
    try:
        await bot.ready(discord)
        assert bot.process is not None  # noqa: S101  # it was started
        yield psutil.Process(bot.process.pid)
        status = await bot.terminate()
        assert status == 0, f"the bot ended with {status}"  # noqa: S101  # its log is printed below
    except BaseException:
        print(bot.log[-5000:], file=sys.stderr)
        raise
    finally:
        await bot.kill()


async def _ask_all(discord: DiscordDouble, load: Load) -> list[Channel]:
    """Everybody asks in a channel of their own, so that no channel's limit is shared; returns the channels."""
    world, beside = discord.world, discord.channel("general")
    channels = [
        world.add_channel(Channel(world.ids.next(), beside.type, f"hall-{number}", beside.guild_id))
        for number in range(load.streams)
    ]
    people = [discord.new_person(f"asker{number}", "Team") for number in range(load.streams)]
    everybody = list(zip(range(load.streams), people, channels, strict=True))
    for begin in range(0, load.streams, ASKED_AT_ONCE):
        await _ask(everybody[begin : begin + ASKED_AT_ONCE])
    await _until(lambda: all(map(_is_begun, _answers(discord, channels))), PATIENCE, "the first words")
    return channels


async def _ask(some: Sequence[tuple[int, Person, Channel]]) -> None:
    """Some ask at once; returns when all are told that they did. A burst of questions is another benchmark's."""
    asked = [
        person.slash(channel, "ask", prompt=f"Count, please. {_tag(number)}") for number, person, channel in some
    ]
    for one in await asyncio.gather(*asked):
        try:
            await one.acked(PATIENCE)
        except AssertionError as error:
            raise TooSlow(str(error)) from error


def _tag(number: int) -> str:
    return f"s{number:04d}"


async def _until(fact: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for ``fact``, looked at now and then: a look goes over all messages. Raises TimeoutError."""
    until = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > until:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        await asyncio.sleep(LOOK_EVERY)


async def _while_all_stream(
    discord: DiscordDouble, bot: psutil.Process, halls: Sequence[Channel], *, profile: bool
) -> Span:
    """Measure from soon after the last answer has begun until the first ends, or :data:`LONGEST` seconds."""
    await asyncio.sleep(SETTLE)
    # What the benchmark keeps in memory is not to cost it time while it serves.
    gc.collect()
    gc.freeze()
    if profile:
        bot.send_signal(BEGIN)
    began, used = time.monotonic(), _cpu(bot)
    resident = 0.0
    while time.monotonic() - began < LONGEST and not any(map(_is_shown, _answers(discord, halls))):
        await asyncio.sleep(LOOK_EVERY)
        resident = max(resident, bot.memory_info().rss / MB)
    if resident == 0.0:
        raise TooSlow("the first answer ended before the last one had begun")
    span = Span(began, time.monotonic(), _cpu(bot) - used, resident)
    if profile:
        bot.send_signal(END)
    return span


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _answers(discord: DiscordDouble, halls: Sequence[Channel]) -> list[list[Message]]:
    """The messages of the answer in each hall: long ones have several. Looks once at each message: what the
    benchmark does while it measures, Discord cannot do."""
    found: dict[int, list[Message]] = {hall.id: [] for hall in halls}
    for message in discord.world.messages.values():
        if message.author.bot and not message.deleted and message.channel_id in found:
            found[message.channel_id].append(message)
    return list(found.values())


def _is_begun(pages: Sequence[Message]) -> bool:
    return bool(pages) and shows_token(pages[0].text)


def _is_shown(pages: Sequence[Message]) -> bool:
    return _is_begun(pages) and is_over(pages[-1])


def result_of(measured: Measured, level: Level) -> Result:
    """The figures of a load with their bounds."""
    load, span = measured.load, measured.span
    tokens = sum(span.began <= at < span.ended for record in measured.records for at in record.token_times)
    by_question = {str(record.messages[-1]["content"]): record for record in measured.records}
    ages: list[float] = []
    edits = lost = 0
    for number, messages in enumerate(measured.answers):
        record = next(one for said, one in by_question.items() if _tag(number) in said)
        views = seen(messages)
        edits += sum(span.began <= one.applied_at < span.ended for m in messages for one in m.history)
        lost += load.tokens - (views[-1].tokens if views else 0)
        ages.append(statistics.fmean(staleness(record, views, since=span.began, until=span.ended)))
    late = [late for at, late in measured.lag if span.began <= at < span.ended]
    seconds = span.ended - span.began
    figures = {
        "cpu_us_a_token": round(span.cpu / max(1, tokens) * 1e6, 1),
        "cpu_share": round(span.cpu / seconds, 3),
        "tokens_a_second": round(tokens / seconds, 1),
        "edits_a_second": round(edits / seconds, 1),
        "mean_age_ms": round(statistics.fmean(ages) * 1000, 1),
        "worst_mean_age_ms": round(max(ages) * 1000, 1),
        "lag_p50_ms": round(percentile(late, 0.5) * 1000, 1),
        "lag_p99_ms": round(percentile(late, 0.99) * 1000, 1),
        "tokens_lost": lost,
        "resident_mb": round(span.resident_mb, 1),
        "seconds": round(seconds, 1),
    }
    bounds = (
        Bound("cpu_us_a_token", level.cpu),
        Bound("mean_age_ms", level.age * 1000),
        Bound("lag_p99_ms", level.lag),
        Bound("tokens_lost", 0),
        Bound("resident_mb", level.memory),
    )
    return Result(_name(load), figures, bounds)
