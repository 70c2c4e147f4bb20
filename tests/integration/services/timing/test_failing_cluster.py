"""A cluster that calls itself usable and fails questions: all are kept, and one at a time is tried."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import pytest

from bot.domain.queue.breaker import STRIKES
from bot.domain.queue.hold import Hold
from bot.domain.queue.request import RequestState
from bot.domain.queue.store import QueuePause
from bot.domain.status import Node, NodeState
from bot.errors import (
    RequestRefused,
    SchedulerError,
    SchedulerNotReady,
    SchedulerUnreachable,
    StreamInterrupted,
    UpstreamFailed,
)
from bot.services.cluster.monitor import FAILURES_TOLERATED, Availability
from tests.fakes.clocks import LoopClock
from tests.fakes.schedulers import ScriptedStream, ready
from tests.integration.services.process import RunningQueue, Settings, running

PEOPLE = 24
SLOTS = 4
LONGEST_PAUSE = 30.0
SOON = 0.5
AN_HOUR = 3600.0

BAD_GATEWAY = UpstreamFailed("502 upstream_error", status=502, code="upstream_error")


def settings() -> Settings:
    return Settings(clock=LoopClock())


Fails: TypeAlias = Callable[[ScriptedStream], SchedulerError | None]


@dataclass(eq=False)
class Cluster:
    """Answers each question after a second, or fails it after 0.09 s when ``fails`` says so. ``in_flight`` is how
    many there were at each new one; ``answered`` are the questions in that order."""

    queue: RunningQueue
    fails: Fails
    in_flight: list[int] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Serve until cancelled."""
        async with asyncio.TaskGroup() as answers:
            while True:
                stream = await self.queue.scheduler.asked(len(self.in_flight) + 1, timeout=AN_HOUR)
                self.in_flight.append(len(self.queue.scheduler.open))
                answers.create_task(self._answer(stream, self.fails(stream)))

    async def _answer(self, stream: ScriptedStream, error: SchedulerError | None) -> None:
        if error is not None:
            await LoopClock().sleep(0.09)
            stream.fail(error)
            return
        self.answered.append(stream.question.partition(": ")[2])
        stream.begin()
        stream.say("An ")
        await LoopClock().sleep(1.0)
        stream.end(f"answer to {self.answered[-1]}")


@asynccontextmanager
async def serving(queue: RunningQueue, fails: Fails) -> AsyncIterator[Cluster]:
    """The cluster at work."""
    cluster = Cluster(queue, fails)
    task = asyncio.create_task(cluster.run())
    try:
        yield cluster
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait({task})


def down(since: float, until: float, error: SchedulerError = BAD_GATEWAY) -> Fails:
    """A front that is down between these seconds from now."""
    now = LoopClock().monotonic()
    return lambda _: error if since <= LoopClock().monotonic() - now < until else None


def poison(stream: ScriptedStream) -> SchedulerError | None:
    """A fault of one question only, which always fails."""
    return BAD_GATEWAY if stream.question.endswith("poison") else None


async def everybody_asks(queue: RunningQueue) -> list[str]:
    return [await queue.asks(user, f"question-{user}") for user in range(1, PEOPLE + 1)]


@pytest.mark.parametrize(
    "error",
    [
        BAD_GATEWAY,
        UpstreamFailed("500", status=500),
        StreamInterrupted("the stream ended", code="truncated"),
        StreamInterrupted("[DONE] came without an answer", code="empty_answer"),
        SchedulerUnreachable("reset", code="connection_lost"),
        SchedulerNotReady("503", status=503, code="routing_not_ready"),
    ],
    ids=["502", "500", "cut", "empty", "reset", "503"],
)
async def test_everybody_is_answered_after_a_node_has_reloaded(error: SchedulerError) -> None:
    """Down from the start for a minute: no question is lost, one at a time is tried, the order is kept."""
    async with running(ready(SLOTS), settings=settings()) as queue:
        async with serving(queue, down(0.0, 60.0, error)) as cluster:
            asked = await everybody_asks(queue)
            await until_answered(queue, asked)

        assert {await queue.state(one) for one in asked} == {RequestState.DELIVERED}
        failed = len(queue.scheduler.streams) - PEOPLE
        # Those in flight when the failure was noticed, then one at a time. Pauses of 1, 2, 4 … 30 s, half of each
        # random.
        at_first = cluster.in_flight.index(1, 1)
        assert set(cluster.in_flight[at_first : failed + 1]) == {1}
        assert at_first + 4 <= failed <= at_first + 12
        assert max(cluster.in_flight) == SLOTS
        # The probe was answered first, everybody else in the order of the queue.
        everybody = [f"question-{user}" for user in range(1, PEOPLE + 1)]
        first = cluster.answered[0]
        assert cluster.answered == [first, *(one for one in everybody if one != first)]
        assert not queue.monitor.view().failing


async def test_what_breaks_in_the_middle_of_the_queue() -> None:
    """Eight have been answered and four are being written when the front goes down."""
    async with running(ready(SLOTS), settings=settings()) as queue:
        async with serving(queue, down(2.5, 20.0)):
            asked = await everybody_asks(queue)
            await queue.until_shows(asked[-1], "kept: a node failed, trying again until it works")
            assert queue.gate.hold() == Hold("held.node_failed")
            await until_answered(queue, asked)
        assert {await queue.state(one) for one in asked} == {RequestState.DELIVERED}
        assert queue.gate.hold() is None


async def until_answered(queue: RunningQueue, asked: Sequence[str]) -> None:
    async with asyncio.timeout(AN_HOUR):
        while not all("answer to" in queue.answer(one).text for one in asked):
            await LoopClock().sleep(1.0)
    await queue.until_settled()


async def fail_next(queue: RunningQueue, error: SchedulerError = BAD_GATEWAY) -> ScriptedStream:
    stream = await queue.scheduler.asked(len(queue.scheduler.streams) + 1, timeout=LONGEST_PAUSE + SOON)
    stream.begin()
    stream.fail(error)
    await queue.scheduler.left(stream)
    return stream


async def test_status_and_alerts_agree_with_the_queue() -> None:
    """The cluster counts as failing after three failures in a row, until the first word comes."""
    async with running(ready(SLOTS), settings=settings()) as queue:
        asked = await queue.asks(1, "question-1")
        for number in range(1, FAILURES_TOLERATED + 1):
            assert not queue.monitor.view().failing
            if number == 1:
                stream = await queue.scheduler.asked(1)
                stream.begin()
                stream.fail(BAD_GATEWAY)
                await queue.scheduler.left(stream)
            else:
                await fail_next(queue)
        await queue.until(lambda: queue.monitor.view().failing)
        probe = await queue.scheduler.asked(FAILURES_TOLERATED + 1, timeout=LONGEST_PAUSE)
        probe.begin()
        await LoopClock().sleep(1.0)
        assert queue.monitor.view().failing
        assert queue.gate.hold() == Hold("held.node_failed")
        probe.say("At last")
        await queue.until_shows(asked, "At last")
        assert not queue.monitor.view().failing
        assert queue.gate.hold() is None
        probe.end("!")
        await queue.until_settled()


async def test_one_question_that_fails_always_holds_nobody_for_long() -> None:
    """Another one succeeds, so it is at fault: it fails after two more failures, and everybody else is
    answered."""
    async with running(ready(1), settings=settings()) as queue:
        began = LoopClock().monotonic()
        async with serving(queue, poison):
            unlucky = await queue.asks(99, "poison")
            asked = [await queue.asks(user, f"question-{user}") for user in range(1, 9)]
            await until_answered(queue, asked)
            assert LoopClock().monotonic() - began <= len(asked) * 1.1 + 15.0
            await queue.until_shows(unlucky, "A node of the cluster failed while answering. Please ask again. · ")
            await queue.until_settled()
        assert await queue.state(unlucky) is RequestState.FAILED
        assert sum(stream.question.endswith("poison") for stream in queue.scheduler.streams) >= 1 + STRIKES
        assert not queue.monitor.view().failing


async def test_a_question_that_fails_alone_is_kept_until_it_expires() -> None:
    """Nothing else succeeds, so nobody knows that it is at fault."""
    async with running(ready(1), settings=Settings(clock=LoopClock(), question_ttl=600.0)) as queue:
        async with serving(queue, lambda _: BAD_GATEWAY):
            asked = await queue.asks(1, "?")
            await LoopClock().sleep(590.0)
            assert await queue.state(asked) in {RequestState.QUEUED, RequestState.RUNNING}
            # Two looks, because the question may be at the cluster during the first.
            await LoopClock().sleep(80.0)
        assert await queue.state(asked) is RequestState.EXPIRED
        assert 15 <= len(queue.scheduler.streams) <= 45


async def test_an_operator_who_resumes_tries_at_once() -> None:
    """The node was mended during a long pause."""
    async with running(ready(1), settings=settings()) as queue:
        await queue.asks(1, "?")
        stream = await queue.scheduler.asked(1)
        stream.fail(BAD_GATEWAY)
        await queue.scheduler.left(stream)
        for _ in range(7):
            await fail_next(queue)
        await LoopClock().sleep(1.0)
        before = len(queue.scheduler.streams)
        await queue.gate.pause(QueuePause("", by=7, since=0.0))
        await queue.gate.resume()
        await queue.scheduler.asked(before + 1, timeout=SOON)


async def test_a_stopped_probe_frees_the_way_for_the_next() -> None:
    """Its asker stopped it; another question becomes the probe."""
    async with running(ready(SLOTS), settings=settings()) as queue:
        first = await queue.asks(1, "question-1")
        stream = await queue.scheduler.asked(1)
        stream.fail(BAD_GATEWAY)
        await queue.until_shows(first, "kept: a node failed")
        await queue.asks(2, "question-2")
        probe = await queue.scheduler.asked(2)
        probe.begin()
        await LoopClock().sleep(1.0)
        assert len(queue.scheduler.streams) == 2
        assert await queue.cancellation.stop(first, by=1)
        assert (await queue.scheduler.asked(3)).question == "user 2: question-2"


async def test_a_refusal_for_good_shows_that_the_node_works() -> None:
    """It read the question, so the others may leave."""
    async with running(ready(SLOTS), settings=settings()) as queue:
        await queue.asks(1, "question-1")
        (await queue.scheduler.asked(1)).fail(BAD_GATEWAY)
        for user in range(2, 6):
            await queue.asks(user, f"question-{user}")
        (await queue.scheduler.asked(2)).fail(RequestRefused("400", status=400))
        await queue.scheduler.asked(2 + SLOTS, timeout=SOON)


async def test_not_ready_although_available() -> None:
    """No pipeline is complete, which the status cannot tell: the cluster counts as starting until the status
    changes."""
    async with running(ready(SLOTS), settings=settings()) as queue:
        asked = await queue.asks(1, "question-1")
        (await queue.scheduler.asked(1)).fail(SchedulerNotReady("503", status=503, code="routing_not_ready"))
        await queue.until_shows(asked, "kept: the cluster is starting")
        assert queue.monitor.view().availability is Availability.STARTING
        (await queue.scheduler.asked(2)).fail(SchedulerNotReady("503", status=503, code="routing_not_ready"))
        (await queue.scheduler.asked(3, timeout=5.0)).fail(SchedulerNotReady("503", status=503))
        await LoopClock().sleep(0.1)
        queue.scheduler.report(ready(SLOTS + 1))
        (await queue.scheduler.asked(4, timeout=SOON)).end("Ready.")
        assert queue.monitor.view().availability is Availability.USABLE
        await queue.until_shows(asked, "Ready.")
        assert queue.gate.hold() is None


async def test_a_pipeline_that_lacks_a_stage_is_sent_nothing() -> None:
    """The cluster calls itself available and reports slots; the question waits until the other stage is ready."""
    stages = (Node("first", NodeState.AVAILABLE), Node("second", NodeState.WAITING))
    async with running(replace(ready(SLOTS), init_nodes=2, nodes=stages), settings=settings()) as queue:
        asked = await queue.asks(1, "question-1")
        await queue.until_shows(asked, "kept: the cluster is starting (1 of 2 nodes)")
        await LoopClock().sleep(60.0)
        assert queue.scheduler.streams == []
        whole = tuple(replace(node, state=NodeState.AVAILABLE) for node in stages)
        queue.scheduler.report(replace(ready(SLOTS), init_nodes=2, nodes=whole))
        (await queue.scheduler.asked(1, timeout=SOON)).end("Whole.")
        await queue.until_shows(asked, "Whole.")
