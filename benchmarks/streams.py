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
LOOK_EVERY = 0.25
PATIENCE = 120.0
LONGEST = 30.0
SETTLE = 1.0
"""Seconds after the last answer has begun before measuring begins."""

LEVELS = (
    (Load(1, 300, 30.0), 0.26, 120.0),
    (Load(10, 300, 30.0), 0.26, 120.0),
    (Load(100, 600, 30.0), 0.26, 150.0),
    (Load(1000, 1200, 10.0), 1.0, 400.0),
)
"""Loads, each with the most seconds that unseen text may be old on average, and MB that the bot may hold."""

SETTINGS = {"QUEUE_MAX_TOTAL": "5000", "ANNOUNCE_AFTER": "3600", "LOG_LEVEL": "WARNING", "PYTHONOPTIMIZE": "2"}

MOST_CPU_US = 150.0
MOST_LAG_MS = 50.0


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
    for load, oldest, most_mb in LEVELS:
        try:
            measured = await measure(load)
        except (TooSlow, TimeoutError) as error:
            print(f"{load.streams} streams: {error}", file=sys.stderr)
            results.append(Result(_name(load), {"not_measured": 1}, (Bound("not_measured", 0),)))
            continue
        results.append(result_of(measured, oldest=oldest, most_mb=most_mb))
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
                await _until(lambda: all(_is_shown(discord, hall) for hall in halls), PATIENCE, "all answers end")
            said = bot.report()
            answers = [_pages(discord, hall) for hall in halls]
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
        await _ask(discord, everybody[begin : begin + ASKED_AT_ONCE])
    return channels


async def _ask(discord: DiscordDouble, some: Sequence[tuple[int, Person, Channel]]) -> None:
    """Some ask at once; returns when they read the first words. A burst of questions is another benchmark's."""
    asked = [
        person.slash(channel, "ask", prompt=f"Count, please. {_tag(number)}") for number, person, channel in some
    ]
    for one in await asyncio.gather(*asked):
        try:
            await one.acked(PATIENCE)
        except AssertionError as error:
            raise TooSlow(str(error)) from error
    await _until(lambda: all(_pages(discord, channel) for _, _, channel in some), PATIENCE, "the first words")


def _tag(number: int) -> str:
    return f"s{number:04d}"


async def _until(fact: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for ``fact``, looked at now and then, because a look goes over all messages. Raises TimeoutError."""
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
    while time.monotonic() - began < LONGEST and not any(_is_shown(discord, hall) for hall in halls):
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


def _pages(discord: DiscordDouble, hall: Channel) -> list[Message]:
    """The messages of the answer in this channel: long ones have several."""
    return [one for one in discord.messages(hall) if one.author.bot and not one.deleted and shows_token(one.text)]


def _is_shown(discord: DiscordDouble, hall: Channel) -> bool:
    pages = _pages(discord, hall)
    return bool(pages) and is_over(pages[-1])


def result_of(measured: Measured, *, oldest: float, most_mb: float) -> Result:
    """The figures of a load with their bounds: ``oldest`` in seconds, ``most_mb`` in MB."""
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
    bounds = [
        Bound("mean_age_ms", oldest * 1000),
        Bound("lag_p99_ms", MOST_LAG_MS),
        Bound("tokens_lost", 0),
        Bound("resident_mb", most_mb),
    ]
    if load.streams > 1:
        bounds.append(Bound("cpu_us_a_token", MOST_CPU_US))
    return Result(_name(load), figures, tuple(bounds))
