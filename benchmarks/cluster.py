"""The cluster in Discord: how soon a board shows an event, what it costs when quiet, what a chart takes."""

from __future__ import annotations

import asyncio
import math
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.measure import summary
from benchmarks.verdict import Bound, Result
from bot.domain.cluster.history import Sample
from bot.presentation.cluster_chart import cluster_chart
from bot.workers.chart_drawing import ChartDrawer
from bot.workers.fair_semaphore import FairSemaphore
from bot.workers.subprocesses import Subprocesses
from sandbox.discord_api import DiscordDouble, Message
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged

REST = 0.060
EVENTS = 12
QUIET_SECONDS = 420.0
WEEK = 7 * 24 * 60
TICK = 0.001


async def run() -> list[Result]:
    """Measure; about eight minutes, nearly all of it waiting for a board to do nothing."""
    results = await _charts()
    with tempfile.TemporaryDirectory() as folder:
        async with staged(
            Path(folder), discord=DiscordDouble(latency=REST), parallax=ParallaxDouble(lag=False)
        ) as stage:
            board = await _board(stage)
            results.append(await _events(stage, board))
            results.append(await _quiet(board))
    return results


async def _board(stage: Stage) -> Message:
    olga = stage.discord.person("olga")
    await (await olga.slash("general", "cluster board")).done_loading()
    return next(one for one in stage.discord.messages("general") if one.ephemeral_for is None)


async def _events(stage: Stage, board: Message) -> Result:
    """From the change at the scheduler to the board: the wait for its report, once a second, is included."""
    delays: list[float] = []
    for number in range(EVENTS):
        name = f"GPU {number}"
        began = time.monotonic()
        stage.parallax.add_node(f"node-{number}", name, 24.0)
        await stage.discord.wait_until(lambda shown=name: shown in board.text, 30)  # type: ignore[misc]  # a default
        delays.append(time.monotonic() - began)
        # Events an hour apart as far as the board's own pace is concerned.
        await asyncio.sleep(1.5 + 0.09 * number)
    return Result("board.event_visible", summary(delays), (Bound("p95_ms", 2000),))


async def _quiet(board: Message) -> Result:
    await asyncio.sleep(5)
    before = len(board.history)
    await asyncio.sleep(QUIET_SECONDS)
    edits = len(board.history) - before
    hourly = math.ceil(edits * 3600 / QUIET_SECONDS)
    return Result("board.quiet_edits", {"edits_per_hour": hourly}, (Bound("edits_per_hour", 20),))


async def _charts() -> list[Result]:
    week = [
        Sample(
            minute * 60.0,
            60.0,
            waiting=max(0.0, 6 * math.sin(minute / 200)),
            running=2.0,
            nodes_ready=3.0 - (minute // 2000) % 2,
            nodes_listed=3.0,
            answers=4,
            ttft=0.3 + 0.1 * math.sin(minute / 90),
            tokens_per_second=None if minute % 700 < 60 else 40 + 8 * math.sin(minute / 150),
        )
        for minute in range(WEEK)
    ]
    seconds, stalls = [], []
    with Subprocesses.opened(FairSemaphore(1)) as subprocesses:
        drawer = ChartDrawer(subprocesses)
        # matplotlib looks for the machine's fonts once, at the very first chart.
        await drawer.draw(cluster_chart(week[:2], "en"), user_id=1)
        for _ in range(5):
            async with _watched() as stall:
                began = time.monotonic()
                await drawer.draw(cluster_chart(week, "en"), user_id=1)
                seconds.append(time.monotonic() - began)
            stalls.append(stall[0])
    return [
        Result("chart.week", {"seconds": round(sorted(seconds)[2], 3)}, (Bound("seconds", 1.0),)),
        Result("chart.loop_blocked", {"ms": round(max(stalls) * 1000, 1)}, (Bound("ms", 20),)),
    ]


@asynccontextmanager
async def _watched() -> AsyncIterator[list[float]]:
    """The longest time that the loop was not there, in seconds."""
    longest = [0.0]

    async def tick() -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(TICK)
            longest[0] = max(longest[0], time.monotonic() - began - TICK)

    task = asyncio.create_task(tick())
    try:
        yield longest
    finally:
        task.cancel()
