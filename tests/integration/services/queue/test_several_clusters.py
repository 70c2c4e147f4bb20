"""Two clusters behind one queue, at schedulers that the test plays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from bot.domain.queue.hold import Hold
from bot.domain.queue.request import RequestState
from bot.domain.queue.store import QueuePause
from bot.errors import (
    ClusterBusy,
    PromptTooLong,
    SchedulerNotReady,
    SchedulerUnreachable,
    StreamInterrupted,
    UpstreamFailed,
)
from bot.services.queue.dispatcher import _picked
from tests.fakes.questions import WIDE, question
from tests.fakes.schedulers import ScriptedScheduler, ready
from tests.integration.services.process import PATIENCE, RunningQueue, Settings, asked, running


@asynccontextmanager
async def two(
    capacity: int = 1, *, back_off: float = 1.0, office_takes: int | None = None
) -> AsyncIterator[tuple[RunningQueue, ScriptedScheduler]]:
    """A process with two clusters of this capacity, and the second one's scheduler."""
    office = ScriptedScheduler()
    async with running(
        ready(capacity), settings=Settings(second=office, back_off=back_off, most_context={"office": office_takes})
    ) as queue:
        yield queue, office


async def wants(queue: RunningQueue, request_id: str, cluster: str, *, user: int = 9) -> None:
    """Let somebody's question wait that only this cluster may answer."""
    wanting = replace(question(request_id, user=user, conversation=3), wanted_cluster=cluster)
    await queue.store.enqueue(wanting, WIDE)
    queue.signal.set()


async def test_questions_are_spread_and_neither_cluster_gets_more_than_it_takes() -> None:
    """Each freed slot is used at once, whichever cluster has it."""
    async with two(2) as (queue, office):
        ids = [await queue.asks(user, "?") for user in range(1, 7)]
        await queue.scheduler.asked(2)
        await office.asked(2)
        assert len(queue.scheduler.open) == len(office.open) == 2
        async with asyncio.timeout(PATIENCE):
            while {await queue.state(request_id) for request_id in ids} != {RequestState.DELIVERED}:
                for stream in (*queue.scheduler.open, *office.open):
                    stream.end("done")
                await asyncio.sleep(0)
        assert queue.scheduler.most_open == office.most_open == 2


@pytest.mark.parametrize(
    "error",
    [
        ClusterBusy("full", status=429),
        SchedulerNotReady("starting", status=503),
        SchedulerUnreachable("refused", code="connect_failed"),
        UpstreamFailed("a node", status=502),
        StreamInterrupted("cut", code="connection_lost"),
    ],
)
async def test_a_question_that_one_cluster_does_not_answer_is_asked_at_the_other(error: Exception) -> None:
    """At once, and its asker reads nothing of it."""
    async with two() as (queue, office):
        request_id = await queue.asks(1, "?")
        await queue.scheduler.asked(1)
        queue.scheduler.open[0].fail(error)
        await office.asked(1)
        office.open[0].end("from the office")
        await queue.until_shows(request_id, "from the office")
        await queue.until_settled()
        stored = await queue.stored(request_id)
        assert (stored.state, stored.cluster) == (RequestState.DELIVERED, "office")
        assert "office" in queue.answer(request_id).text
        assert not [text for text in queue.answer(request_id).states if "kept" in text or "keeps" in text]


async def test_a_question_that_both_refuse_waits_and_says_why() -> None:
    """In one sentence, of that which may pass first."""
    async with two(back_off=30.0) as (queue, office):
        request_id = await queue.asks(1, "?")
        await queue.scheduler.asked(1)
        queue.scheduler.open[0].fail(SchedulerUnreachable("refused", code="connect_failed"))
        await office.asked(1)
        office.open[0].fail(ClusterBusy("full", status=429))
        await queue.until_shows(request_id, "busy")
        assert queue.gate.hold() == Hold("held.busy")
        assert queue.gate.hold("office") == Hold("held.busy", cluster="office")
        other = queue.gate.hold("studio")
        assert other is not None
        assert other.key == "held.unreachable"
        assert queue.gate.hold("attic") == Hold("held.busy"), "a name that is gone is none"


async def test_an_answer_that_broke_off_stays_where_it_began() -> None:
    """Another model would begin another answer."""
    async with two() as (queue, office):
        request_id = await queue.asks(1, "?")
        await queue.scheduler.asked(1)
        queue.scheduler.open[0].begin()
        queue.scheduler.open[0].say("begun ")
        await queue.until_shows(request_id, "begun")
        queue.scheduler.open[0].fail(StreamInterrupted("cut", code="connection_lost"))
        await queue.scheduler.asked(2)
        queue.scheduler.open[0].end("begun and ended")
        await queue.until_shows(request_id, "begun and ended")
        assert office.streams == []


async def test_a_question_for_a_full_cluster_lets_others_pass() -> None:
    """And is the next one there."""
    async with two() as (queue, office):
        await wants(queue, "first", "office")
        await office.asked(1)
        await wants(queue, "wanting", "office", user=8)
        passing = await queue.asks(2, "anywhere")
        await queue.scheduler.asked(1)
        assert await queue.state("wanting") is RequestState.QUEUED
        queue.scheduler.open[0].end("passed")
        await queue.until_shows(passing, "passed")
        office.open[0].end("first")
        await office.asked(2)
        assert (await queue.stored("wanting")).cluster == "office"


async def test_a_pause_of_one_cluster_and_of_all() -> None:
    """What waits goes to the other one; what is for the paused one says why it waits."""
    async with two() as (queue, office):
        await queue.gate.pause(QueuePause("new *disks*", by=7, since=0.0), "studio")
        passing = await queue.asks(1, "?")
        await office.asked(1)
        office.open[0].end("meanwhile")
        await queue.until_shows(passing, "meanwhile")
        hold = queue.gate.hold("studio")
        assert hold is not None
        assert (hold.key, queue.gate.hold()) == ("held.paused", None)
        await queue.gate.pause(QueuePause("all", by=7, since=0.0))
        assert queue.gate.hold() is not None
        assert await queue.gate.resume("studio")
        assert not await queue.gate.resume("studio")
        assert queue.gate.hold() is not None
        assert await queue.gate.resume()
        assert (queue.gate.hold(), queue.gate.hold("studio")) == (None, None)
        assert not await queue.gate.resume()


async def test_the_waiting_question_shows_the_hold_of_the_cluster_that_it_is_for() -> None:
    """Although the queue moves."""
    async with two() as (queue, _):
        await queue.gate.pause(QueuePause("new disks", by=7, since=0.0), "office")
        await wants(queue, "wanting", "office")
        await queue.positions.refresh()
        await queue.until(lambda: "wanting" in queue.shown.answers)
        await queue.until_shows("wanting", "office · ")
        await queue.until_shows("wanting", "new disks")


async def test_waits_are_told_from_both_clusters() -> None:
    """The first in the queue is told the sooner of both, somebody far behind what both make together."""
    async with two(2) as (queue, _):
        slots = queue.parts.slots
        assert slots.wait_for(1) is None
        for name, seconds in (("studio", 10.0), ("office", 30.0)):
            one = slots.of(name)
            assert one is not None
            one.completed(seconds)
        assert (slots.limit(), slots.free(), slots.free("office")) == (4, 4, 2)
        assert slots.wait_for(4) == 0.0
        near, far = slots.wait_for(10), slots.wait_for(400)
        assert near is not None
        assert far is not None
        alone = slots.wait_for(400, "office")
        assert alone is not None
        assert 0.0 < near < far < alone
        assert far == pytest.approx(400 / (2 / 10 + 2 / 30), rel=0.1)
        assert slots.wait_for(400, "attic") == far


async def test_what_is_too_long_for_one_cluster_goes_to_the_other() -> None:
    """And is refused at once where its profile wants the smaller one."""
    async with two(office_takes=300) as (queue, office):
        long = "word " * 500
        await queue.asks(1, long)
        await queue.scheduler.asked(1)
        waiting = await queue.asks(2, long)
        await queue.asks(3, "short")
        await office.asked(1)
        assert office.open[0].question.endswith("short")
        assert await queue.state(waiting) is RequestState.QUEUED
        request = asked(4, long, 74)
        profile = replace(request.context.profile, cluster="office")
        with pytest.raises(PromptTooLong):
            await queue.ask.submit(replace(request, context=replace(request.context, profile=profile)))
        small = replace(request, prompt="short", context=replace(request.context, profile=profile))
        accepted = await queue.ask.submit(small)
        assert accepted is not None
        assert (await queue.stored(accepted.request_id)).question.wanted_cluster == "office"


async def test_a_smaller_cluster_reads_less_of_the_conversation() -> None:
    """Its window is that of its model."""
    async with two(office_takes=300) as (queue, office):
        for number, scheduler in enumerate((queue.scheduler, office)):
            await queue.gate.pause(QueuePause("", by=7, since=0.0), ("office", "studio")[number])
            for turn in range(4):
                request_id = await queue.asks(1, f"turn {turn}", channel=70 + number)
                stream = await scheduler.asked(turn + 1)
                stream.end("word " * 500)
                await queue.until_shows(request_id, "word")
                await queue.until_settled()
            await queue.gate.resume()
        assert len(queue.scheduler.streams[-1].request.messages) > len(office.streams[-1].request.messages)


def test_slots_are_filled_where_most_are_free() -> None:
    """Up to four at a time, each with the slots that are free then."""
    assert _picked({"studio": 4, "office": 2}) == [("studio", 4), ("studio", 3), ("studio", 2), ("office", 2)]
    assert _picked({"studio": 1, "office": 1}) == [("studio", 1), ("office", 1)]
    assert _picked({"studio": 0, "office": -1}) == []
