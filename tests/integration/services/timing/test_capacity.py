"""How refusals and reports of the cluster change how much is sent, and when."""

from __future__ import annotations

import pytest

from bot.domain.queue.back_off import LEAST_ASKED_SECONDS, MOST_ASKED_SECONDS
from bot.domain.queue.capacity import QUIET_SECONDS
from bot.domain.queue.hold import Hold
from bot.domain.queue.request import RequestState
from bot.domain.queue.store import QueuePause
from bot.errors import ClusterBusy, SchedulerError, SchedulerNotReady
from tests.fakes.clocks import LoopClock
from tests.fakes.schedulers import ScriptedStream, ready
from tests.integration.services.process import RunningQueue, Settings, running

SOON = 0.2
"""Seconds in which everything happens that waits for nothing."""

MORE_THAN_ENOUGH = 1000.0


def refused(retry_after: float | None = None) -> ClusterBusy:
    return ClusterBusy("429", status=429, retry_after=retry_after)


def back_off_of(seconds: float) -> Settings:
    """Settings whose first back-off lasts between half of ``seconds`` and all of them."""
    return Settings(clock=LoopClock(), back_off=seconds)


async def sent(queue: RunningQueue, user: int, prompt: str) -> ScriptedStream:
    before = len(queue.scheduler.streams)
    await queue.asks(user, prompt)
    return await queue.scheduler.asked(before + 1)


async def until_sent(queue: RunningQueue, count: int) -> float:
    """Wait until ``count`` questions were sent in all; returns the seconds that took."""
    since = LoopClock().monotonic()
    await queue.scheduler.asked(count, timeout=MORE_THAN_ENOUGH)
    return LoopClock().monotonic() - since


async def test_refusals_that_come_together_are_waited_out_once() -> None:
    """Two bursts of four refusals double the wait twice, not eight times."""
    async with running(ready(4), settings=back_off_of(1.0)) as queue:
        asked = [await queue.asks(user, "?") for user in range(1, 5)]
        for burst, most in ((1, 1.0), (2, 2.0)):
            await queue.scheduler.asked(4 * burst)
            for stream in queue.scheduler.open:
                stream.fail(refused())
            assert most / 2 <= await until_sent(queue, 4 * burst + 1) <= most + SOON
        await queue.scheduler.asked(12)
        for stream in queue.scheduler.open:
            stream.end("fine")
        for request_id in asked:
            await queue.until_shows(request_id, "fine")


async def test_the_refusal_of_a_withdrawn_question_counts() -> None:
    """Its asker has left, but the cluster is still full: fewer are sent, and only after the requested wait."""
    async with running(ready(None), settings=back_off_of(1.0)) as queue:
        withdrawn, running_one = await queue.asks(1, "withdrawn"), await queue.asks(2, "answered")
        held, answered = await queue.scheduler.asked(1), await queue.scheduler.asked(2)
        await queue.asks(3, "next")
        answered.begin()
        answered.say("…")
        await queue.until_shows(running_one, "…")
        before = queue.parts.slots.limit()
        assert await queue.cancellation.stop(withdrawn, by=1)

        held.fail(refused(retry_after=20.0))
        await queue.scheduler.left(held)
        await LoopClock().sleep(20.0 - SOON)
        assert len(queue.scheduler.streams) == 2
        assert queue.gate.hold() == Hold("held.busy")
        answered.end("done")

        await until_sent(queue, 3)
        assert queue.parts.slots.limit() < before
        assert await queue.state(withdrawn) is RequestState.CANCELLED


async def test_a_freed_slot_ends_the_back_off() -> None:
    """A running answer ends, so the refused question leaves at once."""
    async with running(ready(2), settings=back_off_of(30.0)) as queue:
        # The first answer that is complete is news of the cluster by itself.
        (await sent(queue, 3, "before")).end("done")
        await queue.until_settled()
        first, second = await sent(queue, 1, "refused"), await sent(queue, 2, "running")
        second.begin()
        second.say("…")
        first.fail(refused())
        await queue.scheduler.left(first)
        await LoopClock().sleep(5.0)
        assert len(queue.scheduler.streams) == 3

        second.end("done")

        assert await until_sent(queue, 4) <= SOON
        assert queue.scheduler.streams[3].question == "user 1: refused"


async def test_a_changed_cluster_ends_the_back_off() -> None:
    """Another node has joined, so the refused question leaves at once."""
    async with running(ready(1), settings=back_off_of(30.0)) as queue:
        await queue.asks(1, "?")
        (await queue.scheduler.asked(1)).fail(refused())
        await LoopClock().sleep(5.0)
        assert len(queue.scheduler.streams) == 1

        queue.scheduler.report(ready(2))

        assert await until_sent(queue, 2) <= SOON


async def test_learned_capacity_falls_with_a_refusal_and_grows_after_a_quiet_minute() -> None:
    """Without a reported capacity: three at a time, 429, two, and a minute later three again."""
    async with running(ready(None), settings=back_off_of(1.0)) as queue:
        for user in range(1, 10):
            await queue.asks(user, "?")
        for number in (1, 2):
            (await queue.scheduler.asked(number)).begin()
        queue.scheduler.streams[0].end("done")
        refusing = await queue.scheduler.asked(4)
        assert len(queue.scheduler.open) == 3

        refusing.fail(refused())
        await LoopClock().sleep(QUIET_SECONDS - 1.0)
        assert len(queue.scheduler.open) == 2
        await until_sent(queue, 5)
        assert len(queue.scheduler.open) == 3
        await LoopClock().sleep(QUIET_SECONDS - 1.0)
        assert len(queue.scheduler.open) == 3


AN_HOUR = 3600.0
REFUSALS = pytest.mark.parametrize("kind", [ClusterBusy, SchedulerNotReady], ids=["429", "503"])
"""The page of a proxy before the scheduler."""


async def refused_for_an_hour(queue: RunningQueue, kind: type[SchedulerError]) -> str:
    """The id of a question that was refused with ``Retry-After: 3600`` while nothing else was in flight."""
    asked = await queue.asks(1, "?")
    (await queue.scheduler.asked(1)).fail(kind("a proxy's page", retry_after=AN_HOUR))
    await queue.until_shows(asked, "kept: ")
    return asked


@REFUSALS
async def test_an_hour_is_not_waited_for(kind: type[SchedulerError]) -> None:
    """Without a reported capacity nothing shows room, so the wait ends after a minute."""
    async with running(ready(None), settings=back_off_of(1.0)) as queue:
        asked = await refused_for_an_hour(queue, kind)
        assert MOST_ASKED_SECONDS - SOON <= await until_sent(queue, 2) <= MOST_ASKED_SECONDS + SOON
        queue.scheduler.streams[1].end("here")
        await queue.until_shows(asked, "here")


@REFUSALS
async def test_an_hour_ends_when_the_status_shows_room(kind: type[SchedulerError]) -> None:
    """A report after the refusal that equals the one before is enough, but not at once."""
    async with running(ready(4), settings=back_off_of(1.0)) as queue:
        await refused_for_an_hour(queue, kind)
        await LoopClock().sleep(1.0)
        queue.scheduler.report(ready(4))
        assert LEAST_ASKED_SECONDS - 1.0 - SOON <= await until_sent(queue, 2) <= LEAST_ASKED_SECONDS + SOON


@REFUSALS
async def test_an_old_report_shows_no_room(kind: type[SchedulerError]) -> None:
    """It came before the refusal. The next one counts at once."""
    async with running(ready(4), settings=back_off_of(1.0)) as queue:
        await refused_for_an_hour(queue, kind)
        await LoopClock().sleep(30.0)
        assert len(queue.scheduler.streams) == 1
        queue.scheduler.report(ready(4))
        assert await until_sent(queue, 2) <= 1.0 + SOON


async def test_a_report_shows_no_room_while_all_of_it_is_ours() -> None:
    """As many run as the cluster takes, so the refused question waits for one to end."""
    async with running(ready(2), settings=back_off_of(1.0)) as queue:
        first, second = await sent(queue, 1, "refused"), await sent(queue, 2, "running")
        second.begin()
        second.say("…")
        queue.scheduler.report(ready(1))
        await queue.scheduler.heard()
        first.fail(refused(retry_after=AN_HOUR))
        await queue.scheduler.left(first)
        for _ in range(10):
            await LoopClock().sleep(2.0)
            queue.scheduler.report(ready(1))
        assert len(queue.scheduler.streams) == 2
        assert queue.gate.hold() == Hold("held.busy")
        second.end("done")
        assert await until_sent(queue, 3) <= SOON


async def test_an_hour_ends_when_one_of_ours_does() -> None:
    """There is room for one more then."""
    async with running(ready(None), settings=back_off_of(1.0)) as queue:
        first, second = await sent(queue, 1, "refused"), await sent(queue, 2, "running")
        second.begin()
        second.say("…")
        first.fail(refused(retry_after=AN_HOUR))
        await queue.scheduler.left(first)
        await LoopClock().sleep(10.0)
        assert len(queue.scheduler.streams) == 2
        second.end("done")
        assert await until_sent(queue, 3) <= SOON


@REFUSALS
@pytest.mark.parametrize("paused", [True, False])
async def test_an_hour_ends_when_an_operator_resumes(kind: type[SchedulerError], paused: bool) -> None:
    """Also where the queue was not paused, because that is the purpose of resuming."""
    async with running(ready(None), settings=back_off_of(1.0)) as queue:
        await refused_for_an_hour(queue, kind)
        await LoopClock().sleep(10.0)
        if paused:
            await queue.store.pause(QueuePause("", by=7, since=0.0))
            await queue.gate.refresh()
            await LoopClock().sleep(1.0)
        assert len(queue.scheduler.streams) == 1
        await queue.gate.resume()
        assert await until_sent(queue, 2) <= SOON
