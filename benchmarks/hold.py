"""The same load on a scheduler that does not tell its capacity, holds what is too much and then answers 429."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.load import CAPACITY, IDEAL, SERVICE, SETTINGS, ask_all, requires_capacity
from benchmarks.verdict import Bound, Result
from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import staged

SCALE = 20.0
"""Scheduler seconds per real second: its 96 s of holding become 4.8 s, its 5 s between looks 0.25 s."""


async def run() -> list[Result]:
    """Measure; about 15 seconds."""
    with tempfile.TemporaryDirectory() as folder:
        parallax = ParallaxDouble(
            dialect="documented", nodes=1, slots=CAPACITY, lag=False, time_scale=SCALE, routing_cost=0.0
        )
        async with staged(Path(folder), discord=DiscordDouble(), parallax=parallax, **SETTINGS) as stage:
            requires_capacity(parallax)
            outcome = await ask_all(stage, service=SERVICE * SCALE, timeout=90)
            refused = sum(record.status == 429 for record in parallax.requests)
            return [
                Result(
                    "hold.makespan",
                    {
                        "seconds": round(outcome.makespan, 2),
                        "share_of_ideal": round(outcome.makespan / IDEAL, 3),
                        "longest_hold_s": round(outcome.longest_hold, 2),
                        "refused": refused,
                    },
                    (Bound("share_of_ideal", 1.25),),
                ),
                Result(
                    "hold.answered",
                    {"missing": outcome.missing, "repeated": outcome.repeated},
                    (Bound("missing", 0), Bound("repeated", 0)),
                ),
            ]
