"""Resident memory of the bot process: idle, and with twenty answers streaming."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from benchmarks.latency import NO_MEMORY, REST, answer
from benchmarks.verdict import Bound, Result
from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged

STREAMS = 20
MB = 1_000_000

# As .env.example has them, but for the port, which may be taken.
DEFAULTS = {"HTTP_BIND": "127.0.0.1:0"}


def _resident(stage: Stage) -> float:
    assert stage.bot.process is not None  # noqa: S101  # the stage has started it
    return float(round(psutil.Process(stage.bot.process.pid).memory_info().rss / MB, 1))


@asynccontextmanager
async def _resting() -> AsyncIterator[Stage]:
    with tempfile.TemporaryDirectory() as folder:
        async with staged(
            Path(folder),
            discord=DiscordDouble(latency=REST),
            parallax=ParallaxDouble(tokens_per_second=40, slots=STREAMS, lag=False),
            **DEFAULTS,
            **NO_MEMORY,
        ) as stage:
            await asyncio.sleep(2)
            yield stage


async def run() -> list[Result]:
    """Measure; about 30 seconds."""
    async with _resting():
        # The first process compiles what it imports, which is no part of what the next one needs.
        pass
    async with _resting() as stage:
        idle = _resident(stage)
        peak, streaming = await _twenty_answers(stage)
        rejections = len(stage.discord.limits.rejections)
    return [
        Result("memory.idle_mb", {"mb": idle}, (Bound("mb", 120),)),
        Result("memory.streaming_mb", {"mb": peak, "streams": streaming}, (Bound("mb", 120),)),
        Result("discord.rejections_20_streams", {"count": rejections}, (Bound("count", 0),)),
    ]


async def _twenty_answers(stage: Stage) -> tuple[float, int]:
    """The most memory while all are answered, and how many were at once."""
    for number in range(STREAMS):
        stage.discord.new_person(f"person{number}", "Team")
    asks = [
        asyncio.create_task(answer(stage, f"person{n}", "general", 400, tag=f"[m{n:03d}]")) for n in range(STREAMS)
    ]
    peak, streaming = 0.0, 0
    while not all(task.done() for task in asks):
        await asyncio.sleep(0.25)
        peak = max(peak, _resident(stage))
        streaming = max(streaming, sum(r.outcome == "open" for r in stage.parallax.requests))
    await asyncio.gather(*asks)
    return peak, streaming
