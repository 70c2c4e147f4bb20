"""The real scheduler's late books: what keeping to its capacity is worth, beside a client that sends everything.

Its count of what runs grows with every dispatch and is corrected every 10 s; what it holds it looks at every 5 s.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.greedy import Streams, streams
from benchmarks.load import (
    CAPACITY,
    QUESTIONS,
    SERVICE,
    SETTINGS,
    Outcome,
    ask_all,
    fair_waits,
    print_waits,
    requires_capacity,
    unfairness,
)
from benchmarks.verdict import Bound, Result
from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import staged

SCALE = 2.0
"""Scheduler seconds per real second of the comparison: every figure is in the scheduler's seconds, so what the bot
itself needs counts twice."""
TABLE_SCALE = 8.0
FIRST_HEARTBEAT = 8.0

# docs/parallax-api.md, "Load": (in flight, seconds for 24 streams of 1 s, longest wait, the same for 16 of 10 s).
REAL: tuple[tuple[int, float, float, float | None, float | None], ...] = (
    (4, 52.4, 10.3, 65.8, 10.2),
    (6, 48.2, 40.5, 66.1, 45.5),
    (8, 48.3, 45.6, 66.0, 45.5),
    (12, 48.0, 40.5, None, None),
    (24, 57.9, 56.8, 71.5, 61.5),
)


async def run() -> list[Result]:
    """Measure; about 75 seconds."""
    outcome, greedy = await asyncio.gather(_bot(), _greedy())
    makespan, hold = outcome.makespan * SCALE, outcome.longest_hold * SCALE
    scaled = Outcome(
        tuple(one.scaled(SCALE) for one in outcome.served),
        outcome.missing,
        outcome.repeated,
        hold,
    )
    # Perfect sharing of what the scheduler gave while it was asked.
    ideal = fair_waits(QUESTIONS / makespan)
    print_waits("late books", scaled, ideal, SERVICE)
    print(
        f"\nall at once: {greedy.makespan:.1f} s, longest wait {greedy.longest_hold:.1f} s, failed {greedy.failed}"
    )
    await _table()
    return [
        Result(
            "lag.makespan",
            {"seconds": round(makespan, 1), "all_at_once_s": round(greedy.makespan, 1)},
            (Bound("seconds", round(greedy.makespan, 1)),),
        ),
        Result(
            "lag.longest_wait_for_headers",
            {"seconds": round(hold, 1), "all_at_once_s": round(greedy.longest_hold, 1)},
            (Bound("seconds", round(greedy.longest_hold, 1)),),
        ),
        _first_tokens([one.first for one in scaled.served], greedy.first_tokens),
        Result(
            "lag.light_users",
            {"worst_share_of_fair_wait": round(unfairness(scaled, ideal, SERVICE), 2)},
            (Bound("worst_share_of_fair_wait", 1.3),),
        ),
        Result(
            "lag.answered",
            {"missing": outcome.missing, "repeated": outcome.repeated},
            (Bound("missing", 0), Bound("repeated", 0)),
        ),
    ]


def _first_tokens(ours: Sequence[float], all_at_once: Sequence[float]) -> Result:
    """From the question to the first token, which is what an asker waits: in our queue and at the scheduler, or at
    the scheduler alone."""
    return Result(
        "lag.ask_to_first_token",
        {
            "longest_s": round(max(ours), 1),
            "mean_s": round(statistics.fmean(ours), 1),
            "all_at_once_longest_s": round(max(all_at_once), 1),
            "all_at_once_mean_s": round(statistics.fmean(all_at_once), 1),
        },
        (
            Bound("longest_s", round(max(all_at_once), 1)),
            Bound("mean_s", round(statistics.fmean(all_at_once), 1)),
        ),
    )


def _late(scale: float) -> ParallaxDouble:
    return ParallaxDouble(nodes=1, slots=CAPACITY, lag=True, first_heartbeat=FIRST_HEARTBEAT, time_scale=scale)


async def _bot() -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        parallax = _late(SCALE)
        async with staged(Path(folder), discord=DiscordDouble(), parallax=parallax, **SETTINGS) as stage:
            requires_capacity(parallax)
            return await ask_all(stage, service=SERVICE, timeout=200)


async def _greedy() -> Streams:
    async with _late(SCALE) as parallax:
        return await streams(parallax, QUESTIONS, SERVICE, QUESTIONS)


async def _table() -> None:
    """The measured table of the real scheduler, with the double's figures beside it."""
    short = await asyncio.gather(*(_level(24, 1.0, in_flight) for in_flight, *_ in REAL))
    long = await asyncio.gather(*(_level(16, 10.0, in_flight) for in_flight, *_ in REAL))
    print("\nin flight   24 streams of 1 s, longest wait   16 streams of 10 s, longest wait   (real scheduler)")
    for (level, time_1, wait_1, time_10, wait_10), one, ten in zip(REAL, short, long, strict=True):
        real_10 = "–" if time_10 is None else f"{time_10:.1f}, {wait_10:.1f}"
        print(
            f"{level:9}   {one.makespan:6.1f}, {one.longest_hold:5.1f} ({time_1:.1f}, {wait_1:.1f})"
            f"   {ten.makespan:6.1f}, {ten.longest_hold:5.1f} ({real_10})"
        )


async def _level(count: int, seconds: float, in_flight: int) -> Streams:
    async with _late(TABLE_SCALE) as parallax:
        return await streams(parallax, count, seconds, in_flight)
