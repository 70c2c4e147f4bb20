"""What is stored as running under a process and what runs in it are kept equal."""

from __future__ import annotations

import pytest

from bot.domain.queue.request import RequestState
from bot.errors import DeliveryError
from bot.services.queue.reconciliation import RECONCILE_EVERY
from tests.fakes.clocks import LoopClock, always
from tests.fakes.owners import everybody
from tests.fakes.schedulers import NO_MODEL, ready
from tests.integration.services.process import RunningQueue, Settings, running

OWNER = "this process"
LEASE = 30.0
SOON = RECONCILE_EVERY + 1.0


def settings() -> Settings:
    return Settings(clock=LoopClock(), alive={"another"})


async def claimed_by(queue: RunningQueue, owner: str) -> str:
    """A question that is stored as running under ``owner`` while nothing answers it."""
    asked = await queue.asks(1, "?")
    claimed = await queue.store.claim(owner, now=LoopClock().now, lease=LEASE)
    assert claimed is not None
    assert claimed.request_id == asked
    return asked


async def test_what_runs_nowhere_waits_again() -> None:
    """Within seconds, at its position, and its message says so; its asker is answered in that channel."""
    async with running(NO_MODEL, settings=settings()) as queue:
        lost = await claimed_by(queue, OWNER)
        await LoopClock().sleep(SOON)
        assert await queue.state(lost) is RequestState.QUEUED
        await queue.until_shows(lost, "no model")
        queue.scheduler.report(ready(1))
        (await queue.scheduler.asked(1, timeout=SOON)).end("fine")
        await queue.until_shows(lost, "fine")
        await queue.until_settled()
        assert await queue.state(lost) is RequestState.DELIVERED


async def test_what_runs_nowhere_can_be_stopped() -> None:
    """At once, and its message says so."""
    async with running(NO_MODEL, settings=settings()) as queue:
        lost = await claimed_by(queue, OWNER)
        assert await queue.cancellation.stop(lost, by=7)
        assert await queue.state(lost) is RequestState.CANCELLED
        await queue.until_shows(lost, "<@7>")
        assert not await queue.cancellation.stop(lost, by=7)
        assert queue.shown.open_now == set()


async def test_what_another_process_answers_is_left_alone() -> None:
    """It is neither put back nor stopped here, as long as that process lives."""
    async with running(NO_MODEL, settings=settings()) as queue:
        theirs = await claimed_by(queue, "another")
        await LoopClock().sleep(2 * RECONCILE_EVERY)
        assert not await queue.cancellation.stop(theirs, by=1)
        assert await queue.state(theirs) is RequestState.RUNNING


async def test_a_lease_that_ran_out_here_is_taken_by_nobody_here() -> None:
    """The process or the disk hung: the attempt goes on, and the question is asked once."""
    async with running(ready(1), settings=settings()) as queue:
        asked = await queue.asks(1, "?")
        stream = await queue.scheduler.asked(1)
        stream.begin()
        for hung in (0.0, 10 * LEASE):
            await queue.store.renew(OWNER, [asked], now=always(LoopClock().now() - hung), lease=LEASE)
            await queue.heartbeat.recover()
        stream.end("once")
        await queue.until_shows(asked, "once")
        await queue.until_settled()
        assert await queue.state(asked) is RequestState.DELIVERED
        assert len(queue.scheduler.streams) == 1


async def test_what_another_process_put_back_is_answered_by_the_attempt_that_goes_on() -> None:
    """The other process took it while this one hung: claimed again here, it is not asked again."""
    async with running(ready(2), settings=settings()) as queue:
        asked = await queue.asks(1, "?")
        stream = await queue.scheduler.asked(1)
        stream.begin()
        late = always(LoopClock().now() + 2 * LEASE)
        recovered = await queue.store.recover("another", now=late, is_alive=everybody)
        assert recovered.requeued == (asked,)
        queue.signal.set()
        await LoopClock().sleep(1.0)
        assert await queue.state(asked) is RequestState.RUNNING
        stream.end("once")
        await queue.until_shows(asked, "once")
        await queue.until_settled()
        assert await queue.state(asked) is RequestState.DELIVERED
        assert len(queue.scheduler.streams) == 1


@pytest.mark.parametrize("begun", [True, False])
async def test_what_runs_is_left_alone(*, begun: bool) -> None:
    """However long it takes, and while the scheduler holds it after its asker has left."""
    async with running(ready(1), settings=settings()) as queue:
        asked = await queue.asks(1, "?")
        stream = await queue.scheduler.asked(1)
        if begun:
            stream.begin()
        await LoopClock().sleep(5 * RECONCILE_EVERY)
        assert await queue.state(asked) is RequestState.RUNNING
        assert await queue.store.running_ids(OWNER) == [asked]
        assert queue.in_flight.held == {asked}
        assert await queue.cancellation.stop(asked, by=1)
        await LoopClock().sleep(2 * RECONCILE_EVERY)
        assert await queue.state(asked) is RequestState.CANCELLED
        assert queue.in_flight.running == (0 if begun else 1)


async def test_an_answer_that_discord_refuses_is_kept_as_before() -> None:
    """It waits for /queue and the next start, and is not sent again and again."""
    async with running(ready(1), settings=settings()) as queue:
        asked = await queue.asks(1, "?")
        queue.answer(asked).error = DeliveryError("Discord is down")
        (await queue.scheduler.asked(1)).end("fine")
        await LoopClock().sleep(5 * RECONCILE_EVERY)
        assert await queue.state(asked) is RequestState.ANSWERED
        assert queue.answer(asked).finished == 0
