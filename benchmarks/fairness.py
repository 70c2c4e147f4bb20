"""Forty questions at once on four slots, twenty of them one person's: makespan, waits, each answered once."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.load import (
    CAPACITY,
    IDEAL,
    SERVICE,
    SETTINGS,
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


async def run() -> list[Result]:
    """Measure; about 15 seconds."""
    with tempfile.TemporaryDirectory() as folder:
        # What a question costs is its service time and nothing else: no routing cost, no late books.
        parallax = ParallaxDouble(nodes=1, slots=CAPACITY, lag=False, routing_cost=0.0)
        async with staged(Path(folder), discord=DiscordDouble(), parallax=parallax, **SETTINGS) as stage:
            requires_capacity(parallax)
            outcome = await ask_all(stage, service=SERVICE, timeout=60)
            ideal = fair_waits(CAPACITY / SERVICE)
            print_waits("fairness", outcome, ideal, SERVICE)
            return [
                Result(
                    "fairness.makespan",
                    {"seconds": round(outcome.makespan, 2), "share_of_ideal": round(outcome.makespan / IDEAL, 3)},
                    (Bound("share_of_ideal", 1.05),),
                ),
                Result(
                    "fairness.light_users",
                    {"worst_share_of_fair_wait": round(unfairness(outcome, ideal, SERVICE), 2)},
                    (Bound("worst_share_of_fair_wait", 1.3),),
                ),
                Result(
                    "fairness.answered",
                    {"missing": outcome.missing, "repeated": outcome.repeated},
                    (Bound("missing", 0), Bound("repeated", 0)),
                ),
            ]
