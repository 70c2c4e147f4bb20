"""The recorded oddities of a cluster as events, in either dialect and in the seconds that they really take."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import httpx
import pytest

from bot.domain.cluster.events import EventKind, EventReader
from bot.parallax.client import ParallaxClient
from bot.parallax.timeouts import Timeouts
from bot.services.cluster.monitor import FAILURES_TOLERATED, Availability, ClusterMonitor
from bot.telemetry.metrics import Metrics
from sandbox.parallax import ParallaxDouble
from tests.contract.parallax.asking import ask
from tests.fakes.clocks import LoopClock

PATIENCE = 120.0
"""Virtual seconds."""

DIALECTS = pytest.mark.parametrize("dialect", ["current", "documented"])


@dataclass(eq=False)
class Watched:
    """A watcher at work, the events derived from it and every availability it told of."""

    parallax: ParallaxDouble
    client: ParallaxClient
    monitor: ClusterMonitor
    reader: EventReader = field(default_factory=EventReader)
    happened: list[EventKind] = field(default_factory=list)
    availabilities: list[Availability] = field(default_factory=list)
    clock: LoopClock = field(default_factory=LoopClock)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self) -> None:
        """What a change of the watcher's view means."""
        self.availabilities.append(self.monitor.view().availability)
        events = self.reader.observe(self.monitor.seen(), self.clock.now())
        self.happened += [event.kind for event in events]
        self._changed.set()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for a change that makes this true."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def until_usable(self) -> None:
        """Wait until questions can be asked."""
        await self.until(lambda: self.monitor.view().availability is Availability.USABLE)

    def times(self, kind: EventKind) -> int:
        """How often this happened."""
        return self.happened.count(kind)


@asynccontextmanager
async def watching(dialect: str, *, nodes: int) -> AsyncIterator[Watched]:
    """A watcher of a cluster; two seconds without a line are silence to it."""
    clock = LoopClock()
    async with ParallaxDouble(dialect=dialect, nodes=nodes, lag=False, tokens_per_second=200) as parallax:
        client = ParallaxClient(parallax.url, timeouts=Timeouts(connect=1.0, control=2.0), clock=clock)
        monitor = ClusterMonitor(client, clock, Metrics())
        watched = Watched(parallax, client, monitor)
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


@DIALECTS
async def test_the_schedulers_own_freeze_of_five_seconds_alarms_nobody(dialect: str) -> None:
    """A question while every node still gets ready freezes everything (recording 42): no line comes, connections
    are accepted, and then it goes on."""
    async with watching(dialect, nodes=0) as watched:
        watched.parallax.add_node("slow", ready=False)
        await watched.until(lambda: watched.monitor.view().availability is Availability.STARTING)
        await watched.parallax.wait_until(lambda: watched.parallax.available, PATIENCE)
        looked = sum(call.path == "/cluster/status" for call in watched.parallax.calls)
        began = watched.clock.monotonic()
        heard = await ask(watched.client)
        assert heard.error is not None
        assert 4.9 < watched.clock.monotonic() - began < 6.0
        await watched.until_usable()
        assert sum(call.path == "/cluster/status" for call in watched.parallax.calls) > looked
        assert set(watched.availabilities) <= {Availability.STARTING, Availability.USABLE}
        assert EventKind.FROZEN not in watched.happened


@DIALECTS
async def test_a_freeze_that_lasts_is_told_and_its_end_too(dialect: str) -> None:
    """A killed worker with a stream open hangs the scheduler for good (recordings 60, 65): restart it."""
    async with watching(dialect, nodes=2) as watched:
        await watched.until_usable()
        watched.parallax.freeze()
        began = watched.clock.monotonic()
        await watched.until(lambda: EventKind.FROZEN in watched.happened)
        assert 7.0 <= watched.clock.monotonic() - began < 15.0
        assert watched.monitor.view().frozen
        await watched.parallax.restart()
        await watched.until(lambda: EventKind.ANSWERING in watched.happened)
        assert EventKind.NOT_ANSWERING not in watched.happened


@DIALECTS
async def test_a_node_that_comes_and_goes_is_each_time_an_event(dialect: str) -> None:
    """And the others go on being asked."""
    async with watching(dialect, nodes=3) as watched:
        await watched.until_usable()
        for turn in range(1, 4):
            watched.parallax.remove_node("attic")
            await watched.until(lambda: watched.times(EventKind.NODE_LOST) == turn)  # noqa: B023  # it is called before the next turn
            watched.parallax.add_node("attic", "NVIDIA GeForce RTX 3090", 24.0)
            await watched.until(lambda: watched.times(EventKind.NODE_READY) == turn)  # noqa: B023  # it is called before the next turn
        assert watched.times(EventKind.NODE_JOINED) == 3
        assert EventKind.WAITING not in watched.happened
        assert watched.monitor.view().availability is Availability.USABLE


@DIALECTS
async def test_questions_that_fail_at_an_available_cluster(dialect: str) -> None:
    """A worker's front has crashed, which no report tells (recording 84): so many questions in a row do."""
    async with watching(dialect, nodes=1) as watched:
        await watched.until_usable()
        (node,) = watched.parallax.nodes
        watched.parallax.crash_front(node)
        for _ in range(FAILURES_TOLERATED):
            assert EventKind.FAILING not in watched.happened
            heard = await ask(watched.client)
            assert heard.error is not None
            watched.monitor.chat_failed(heard.error)
        assert watched.times(EventKind.FAILING) == 1
        assert watched.monitor.view().availability is Availability.USABLE
        watched.parallax.mend_front(node)
        heard = await ask(watched.client)
        assert heard.finish.stats.model is not None
        watched.monitor.chat_completed()
        assert watched.times(EventKind.WORKING) == 1


@DIALECTS
async def test_an_init_with_workers_connected_strands_the_cluster(dialect: str) -> None:
    """Told once, when the same workers turn up again and it asks for more (recordings 72 to 77)."""
    async with (
        watching(dialect, nodes=2) as watched,
        httpx.AsyncClient(base_url=watched.parallax.url) as web,
    ):
        await watched.until_usable()
        body = {"model_name": "Qwen/Qwen3-4B", "init_nodes_num": 1, "is_local_network": True}
        await web.post("/scheduler/init", json=body)
        await watched.until(lambda: EventKind.STRANDED in watched.happened)
        assert watched.times(EventKind.STRANDED) == 1
        assert watched.times(EventKind.MODEL_CHANGED) == 1
        assert EventKind.NEEDS_NODES not in watched.happened


@DIALECTS
async def test_p10_a_closed_port_is_told_within_seconds(dialect: str) -> None:
    """Nothing runs there: that is no freeze to be waited out, and the state is never called unknown."""
    async with watching(dialect, nodes=2) as watched:
        await watched.until_usable()
        began = watched.clock.monotonic()
        await watched.parallax.unreachable()
        await watched.until(lambda: EventKind.NOT_ANSWERING in watched.happened)
        assert watched.clock.monotonic() - began < 5.0
        assert Availability.UNKNOWN not in watched.availabilities
