"""Answers that break off are asked for again when the gate is open, as any question."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.queue.request import RequestState
from bot.domain.queue.store import QueuePause
from bot.domain.status import ClusterState, ClusterStatus, Node, NodeState
from bot.errors import (
    ClusterBusy,
    SchedulerError,
    SchedulerNotReady,
    SchedulerUnreachable,
    StreamInterrupted,
    UpstreamFailed,
)
from bot.services.answers.attempt import REPEAT_PATIENCE
from bot.services.cluster.monitor import Availability
from tests.fakes.clocks import LoopClock
from tests.fakes.schedulers import ScriptedStream, ready
from tests.integration.services.process import RunningQueue, Settings, running

CUT = StreamInterrupted("502 inside the stream", status=502, code="upstream_error")
BAD_GATEWAY = UpstreamFailed("502", status=502, code="upstream_error")
ONE_STAGE = replace(
    ready(4), init_nodes=2, nodes=(Node("first", NodeState.AVAILABLE), Node("second", NodeState.WAITING))
)
SOON = 0.5
BETWEEN_PROBES = 31.0


def settings(*, prefix: bool = False) -> Settings:
    return Settings(clock=LoopClock(), assistant_prefix=prefix)


async def writing(queue: RunningQueue, user: int, words: str) -> tuple[str, ScriptedStream]:
    """A question that is being answered, with this text so far."""
    count = len(queue.scheduler.streams)
    asked = await queue.asks(user, f"question-{user}")
    stream = await queue.scheduler.asked(count + 1)
    stream.begin()
    stream.say(words)
    await queue.until_shows(asked, words)
    return asked, stream


async def reported(queue: RunningQueue, status: ClusterStatus) -> None:
    queue.scheduler.report(status)
    await queue.scheduler.heard()
    await LoopClock().sleep(0.0)


@pytest.mark.parametrize("prefix", [False, True])
@pytest.mark.parametrize(
    ("status", "words"),
    [
        (ONE_STAGE, "kept: the cluster is starting (1 of 2 nodes)"),
        (replace(ready(4), state=ClusterState.REBALANCING), "kept: the cluster is starting"),
    ],
)
async def test_what_breaks_while_no_pipeline_is_ready_waits_for_one(
    status: ClusterStatus, words: str, prefix: bool
) -> None:
    """Its reader keeps the text and reads the reason; a chat would freeze the scheduler (42)."""
    async with running(ready(4), settings=settings(prefix=prefix)) as queue:
        asked, stream = await writing(queue, 1, "One, two")
        await reported(queue, status)
        stream.fail(CUT)
        await queue.until_shows(asked, words)
        await LoopClock().sleep(20.0)
        assert len(queue.scheduler.streams) == 1
        assert "One, two" in queue.answer(asked).text
        assert "reconnecting to" in queue.answer(asked).text

        queue.scheduler.report(ready(4))
        again = await queue.scheduler.asked(2, timeout=SOON)
        assert again.request.goes_on is prefix
        again.end(", three" if prefix else "One, two, three")
        await queue.until_shows(asked, "One, two, three")
        await queue.until_settled()
        assert await queue.state(asked) is RequestState.DELIVERED
        assert "kept:" not in queue.answer(asked).text


async def test_patience_ends_with_what_there_is() -> None:
    """The text is marked as broken off, to be continued; nothing is sent, and the slot is free."""
    async with running(ready(1), settings=settings()) as queue:
        asked, stream = await writing(queue, 1, "One, two")
        await reported(queue, replace(ready(1), state=ClusterState.WAITING))
        stream.fail(CUT)
        await LoopClock().sleep(REPEAT_PATIENCE - 1.0)
        assert await queue.state(asked) is RequestState.RUNNING
        await LoopClock().sleep(2.0)
        await queue.until_shows(asked, "the connection to the cluster broke")
        await queue.until_settled()
        stored = (await queue.stored(asked)).answer
        assert stored is not None
        assert (stored.text, stored.finish) == ("One, two", "interrupted")
        assert len(queue.scheduler.streams) == 1
        assert queue.in_flight.running == 0


@pytest.mark.parametrize(
    "error",
    [
        SchedulerNotReady("503", status=503, code="routing_not_ready"),
        ClusterBusy("429", status=429),
        BAD_GATEWAY,
    ],
    ids=["503", "429", "502"],
)
async def test_a_repeat_that_is_not_taken_is_no_second_break(error: SchedulerError) -> None:
    """The report was late: the text stays, and the answer comes when the cluster takes the question."""
    async with running(ready(4), settings=settings()) as queue:
        asked, stream = await writing(queue, 1, "One, two")
        stream.fail(CUT)
        for number in (2, 3):
            (await queue.scheduler.asked(number)).fail(error)
        await queue.until_shows(asked, "kept: ")
        assert "One, two" in queue.answer(asked).text
        (await queue.scheduler.asked(4, timeout=BETWEEN_PROBES)).end("One, two, three")
        await queue.until_shows(asked, "One, two, three")
        await queue.until_settled()
        assert await queue.state(asked) is RequestState.DELIVERED


async def test_a_scheduler_that_is_gone_is_not_waited_for() -> None:
    """Somebody has to start it. The text so far is the answer, and the queue is held before it sends another
    question."""
    async with running(ready(1), settings=settings()) as queue:
        asked, stream = await writing(queue, 1, "One, two")
        await queue.asks(2, "question-2")
        stream.fail(CUT)
        (await queue.scheduler.asked(2)).fail(SchedulerUnreachable("refused", code="connect_failed"))
        await queue.until_shows(asked, "the connection to the cluster broke")
        stored = (await queue.stored(asked)).answer
        assert stored is not None
        assert (stored.text, stored.finish) == ("One, two", "interrupted")
        hold = queue.gate.hold()
        assert hold is not None
        assert hold.key == "held.unreachable"


async def test_what_breaks_while_the_scheduler_does_not_answer_is_not_asked_again() -> None:
    """The status showed that before the stream broke."""
    async with running(ready(1), settings=settings()) as queue:
        asked, stream = await writing(queue, 1, "One, two")
        for _ in range(8):
            queue.scheduler.break_off(SchedulerUnreachable("refused", code="connect_failed"))
        await LoopClock().sleep(30.0)
        assert queue.monitor.view().availability is Availability.UNREACHABLE
        stream.fail(CUT)
        await queue.until_shows(asked, "the connection to the cluster broke")
        assert len(queue.scheduler.streams) == 1


async def test_a_front_that_crashes_under_four_answers() -> None:
    """They are asked for again one at a time, before everything that waits, and no text is lost."""
    async with running(ready(4), settings=settings()) as queue:
        broken = [await writing(queue, user, f"words {user}") for user in range(1, 5)]
        waiting = [await queue.asks(user, f"question-{user}") for user in range(5, 9)]
        for _, stream in broken:
            stream.fail(CUT)
        await queue.scheduler.asked(8)
        for stream in queue.scheduler.streams[4:]:
            stream.fail(BAD_GATEWAY)
        for number in range(9, 12):
            probe = await queue.scheduler.asked(number, timeout=BETWEEN_PROBES)
            await LoopClock().sleep(1.0)
            assert queue.scheduler.open == [probe]
            assert probe.question in {f"user {user}: question-{user}" for user in range(1, 5)}
            probe.fail(BAD_GATEWAY)
        working = await queue.scheduler.asked(12, timeout=BETWEEN_PROBES)
        working.begin()
        working.say("Whole")
        await queue.scheduler.asked(15, timeout=SOON)
        assert len(queue.scheduler.open) == 4
        repeated = [stream.question for stream in queue.scheduler.open]
        assert sorted(repeated) == [f"user {user}: question-{user}" for user in range(1, 5)]
        for stream in queue.scheduler.open:
            stream.end(" answer")
        await queue.scheduler.asked(19, timeout=SOON)
        for stream in queue.scheduler.open:
            stream.end("Whole answer")
        await queue.until_settled()
        states = {await queue.state(one) for one in (*waiting, *(asked for asked, _ in broken))}
        assert states == {RequestState.DELIVERED}
        assert queue.scheduler.most_open == 4


async def test_no_more_than_a_smaller_cluster_takes() -> None:
    """Two of three nodes are gone with three answers: these take turns, before everything in the queue."""
    async with running(ready(3), settings=settings()) as queue:
        broken = [await writing(queue, user, f"words {user}") for user in range(1, 4)]
        await queue.asks(4, "question-4")
        await reported(queue, replace(ready(3), state=ClusterState.WAITING))
        for _, stream in broken:
            stream.fail(CUT)
        await LoopClock().sleep(5.0)
        assert queue.scheduler.open == []
        queue.scheduler.report(ready(1))
        for number in range(1, 5):
            stream = await queue.scheduler.asked(3 + number, timeout=SOON)
            await LoopClock().sleep(1.0)
            assert queue.scheduler.open == [stream]
            assert stream.question == f"user {number}: question-{number}"
            stream.end("whole")
        await queue.until_settled()


async def test_stopped_while_it_waits_it_keeps_what_was_shown() -> None:
    """At once, because the scheduler does not hold it."""
    async with running(ready(1), settings=settings()) as queue:
        asked, stream = await writing(queue, 1, "One, two")
        await queue.gate.pause(QueuePause("maintenance", by=7, since=0.0))
        stream.fail(CUT)
        await queue.until_shows(asked, "kept: the queue is paused: maintenance")
        assert await queue.cancellation.stop(asked, by=9)
        await queue.until_shows(asked, "stopped by <@9>")
        await queue.until_settled()
        stored = (await queue.stored(asked)).answer
        assert stored is not None
        assert (stored.text, stored.finish) == ("One, two", "stopped")
        assert queue.in_flight.running == 0
        assert len(queue.scheduler.streams) == 1


async def test_a_restart_puts_what_waits_back() -> None:
    """The next process asks it again."""
    async with running(ready(1), settings=settings()) as queue:
        asked, stream = await writing(queue, 1, "One, two")
        await reported(queue, replace(ready(1), state=ClusterState.WAITING))
        stream.fail(CUT)
        await queue.until_shows(asked, "kept: the cluster is starting")
        await queue.dispatcher.drain(grace=1.0)
        await queue.until_settled()
        assert await queue.state(asked) is RequestState.QUEUED
        assert "kept: the bot is restarting" in queue.answer(asked).text
