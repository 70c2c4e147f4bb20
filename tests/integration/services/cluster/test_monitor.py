"""The monitor with a scheduler that fails in the recorded ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import httpx
import pytest

from bot.clock import SystemClock
from bot.parallax.client import ParallaxClient
from bot.parallax.timeouts import Timeouts
from bot.services.cluster.monitor import Availability, ClusterMonitor, ClusterView
from bot.telemetry.metrics import Metrics
from sandbox.parallax import ParallaxDouble
from tests.fakes.clocks import FastClock

PATIENCE = 10.0


@dataclass(eq=False)
class Watched:
    """A running monitor and every view that it told listeners about."""

    parallax: ParallaxDouble
    monitor: ClusterMonitor
    clock: FastClock
    seen: list[ClusterView] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self) -> None:
        """Keep the view after a change."""
        self.seen.append(self.monitor.view())
        self.changed.set()

    async def until(self, condition: Callable[[ClusterView], bool]) -> ClusterView:
        """Wait until the view fulfils the condition."""
        async with asyncio.timeout(PATIENCE):
            while not condition(self.monitor.view()):
                self.changed.clear()
                await self.changed.wait()
        return self.monitor.view()


@asynccontextmanager
async def watching(parallax: ParallaxDouble, *, fast: float = 20.0) -> AsyncIterator[Watched]:
    """A monitor of this scheduler; half a second without a status line is silence."""
    clock = FastClock(fast)
    client = ParallaxClient(parallax.url, timeouts=Timeouts(connect=1.0, control=0.5), clock=SystemClock())
    monitor = ClusterMonitor(client, clock, Metrics())
    watched = Watched(parallax, monitor, clock)
    monitor.subscribe(watched.note)
    task = asyncio.create_task(monitor.run())
    try:
        yield watched
        assert not task.done()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await client.aclose()


@pytest.fixture(params=["current", "documented"])
async def parallax(request: pytest.FixtureRequest) -> AsyncIterator[ParallaxDouble]:
    """A ready cluster whose status comes ten times a second."""
    async with ParallaxDouble(dialect=request.param, time_scale=10, lag=False) as double:
        yield double


async def test_a_ready_cluster_is_usable(parallax: ParallaxDouble) -> None:
    """Nothing is known at first; then the report is there, with its age."""
    async with watching(parallax) as watched:
        assert watched.monitor.view().availability is Availability.UNKNOWN
        assert watched.monitor.view().received_at is None
        view = await watched.until(lambda view: view.availability is Availability.USABLE)
        assert view.status is not None
        assert view.status.model == "Qwen/Qwen3-8B"
        assert len(view.status.nodes) == 3
        assert view.received_at is not None


async def test_listeners_hear_of_changes_only(parallax: ParallaxDouble) -> None:
    """Reports that repeat the last one do not call listeners."""
    async with watching(parallax) as watched:
        await watched.until(lambda view: view.availability is Availability.USABLE)
        parallax.remove_node("attic")
        await watched.until(lambda view: view.status is not None and len(view.status.nodes) == 2)
        parallax.add_node("barn")
        await watched.until(lambda view: view.status is not None and len(view.status.nodes) == 3)
        counts = [len(view.status.nodes) for view in watched.seen if view.status is not None]
        assert counts == [3, 2, 3]


async def test_q4_a_listener_that_fails_ends_neither_the_watch_nor_the_others_news(
    parallax: ParallaxDouble,
) -> None:
    """An unexpected error in one listener is not passed on."""
    async with watching(parallax) as watched:

        def broken() -> None:
            raise OverflowError("int too large to convert to float")

        watched.monitor.subscribe(broken)
        watched.monitor.subscribe(watched.note)
        await watched.until(lambda view: view.availability is Availability.USABLE)
        parallax.remove_node("attic")
        await watched.until(lambda view: view.status is not None and len(view.status.nodes) == 2)
        assert len(watched.seen) >= 4


async def test_a_poisoned_status_is_survived(parallax: ParallaxDouble) -> None:
    """An init with a string breaks the stream (recordings 23 to 26) until somebody repairs it. The scheduler
    answers all the while: its state is unknown, which is no outage."""
    async with watching(parallax) as watched, httpx.AsyncClient(base_url=parallax.url) as web:
        await watched.until(lambda view: view.availability is Availability.USABLE)
        body = {"model_name": "Qwen/Qwen3-8B", "init_nodes_num": "1", "is_local_network": True}
        await web.post("/scheduler/init", json=body)
        await watched.until(lambda view: view.availability is Availability.UNKNOWN)
        await web.post("/scheduler/init", json=body | {"init_nodes_num": 1})
        view = await watched.until(lambda view: view.availability is not Availability.UNKNOWN)
        assert Availability.UNREACHABLE not in {one.availability for one in watched.seen}
        assert view.status is not None
        assert view.status.init_nodes == 1


async def test_a_freeze_is_noticed_and_its_end_too(parallax: ParallaxDouble) -> None:
    """Not a byte comes (recordings 60, 65, 85): the view keeps the last report and says since when."""
    async with watching(parallax) as watched:
        first = await watched.until(lambda view: view.availability is Availability.USABLE)
        parallax.freeze()
        view = await watched.until(lambda view: view.availability is Availability.UNREACHABLE)
        assert view.status == first.status
        assert view.unreachable_since is not None
        assert view.received_at is not None
        assert view.unreachable_since <= view.received_at
        assert watched.clock.now() - view.received_at >= 7.0
        parallax.unfreeze()
        view = await watched.until(lambda view: view.availability is Availability.USABLE)
        assert view.unreachable_since is None


async def test_a_short_pause_alarms_nobody(parallax: ParallaxDouble) -> None:
    """The scheduler freezes for five seconds by itself (recording 42): that is no outage."""
    async with watching(parallax, fast=1.0) as watched:
        await watched.until(lambda view: view.availability is Availability.USABLE)
        calls = len(parallax.calls)
        await parallax.unreachable()
        await parallax.reachable()
        await parallax.wait_until(lambda: len(parallax.calls) > calls)
        await watched.until(lambda view: view.availability is Availability.USABLE)
        assert {view.availability for view in watched.seen} == {Availability.USABLE}


async def test_it_reconnects_to_a_scheduler_that_comes_up_later(parallax: ParallaxDouble) -> None:
    """It is unreachable from the start, and usable as soon as it answers."""
    await parallax.unreachable()
    async with watching(parallax) as watched:
        view = await watched.until(lambda view: view.availability is Availability.UNREACHABLE)
        assert view.status is None
        await parallax.reachable()
        await watched.until(lambda view: view.availability is Availability.USABLE)


async def test_a_chat_that_works_contradicts_the_silence(parallax: ParallaxDouble) -> None:
    """An answer began although no status ever came: the scheduler is not unreachable."""
    await parallax.unreachable()
    async with watching(parallax, fast=0.01) as watched:
        await watched.until(lambda view: view.availability is Availability.UNREACHABLE)
        watched.monitor.chat_succeeded()
        assert watched.monitor.view().availability is Availability.UNKNOWN
