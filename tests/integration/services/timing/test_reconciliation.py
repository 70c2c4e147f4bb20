"""What is stored as running under a process and what runs in it are kept equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from bot.domain.queue.request import RequestState
from bot.errors import DeliveryError, StorageError
from bot.services.answers.completion import STORAGE_PATIENCE
from bot.services.queue.reconciliation import RECONCILE_EVERY
from tests.fakes.clocks import LoopClock, always
from tests.fakes.owners import everybody
from tests.fakes.requests import MemoryRequests
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


@pytest.mark.parametrize("begun", [True, False])
async def test_what_is_ended_elsewhere_is_not_answered_on_here(*, begun: bool) -> None:
    """What runs here is what is stored as running here, also the other way round: the pipeline is freed."""
    async with running(ready(1), settings=settings()) as queue:
        asked = await queue.asks(1, "?")
        stream = await queue.scheduler.asked(1)
        if begun:
            stream.begin()
        assert await queue.store.mark_cancelled(asked, now=LoopClock().now())
        await LoopClock().sleep(SOON)
        if not begun:
            stream.begin()
            stream.say("too late")
        await queue.until_settled()
        assert await queue.state(asked) is RequestState.CANCELLED
        assert queue.in_flight.running == 0
        assert queue.in_flight.held == set()
        assert queue.shown.open_now == set()


async def test_what_another_process_has_taken_is_not_answered_twice() -> None:
    """This one hung past its lease, and the other answers: nothing more is shown or stored from here."""
    async with running(ready(1), settings=settings()) as queue:
        asked = await queue.asks(1, "?")
        stream = await queue.scheduler.asked(1)
        stream.begin()
        late = always(LoopClock().now() + 2 * LEASE)
        assert (await queue.store.recover("another", now=late, is_alive=everybody)).requeued == (asked,)
        assert await queue.store.claim("another", now=late, lease=LEASE) is not None
        await LoopClock().sleep(SOON)
        assert queue.in_flight.running == 0
        stored = await queue.stored(asked)
        assert (stored.state, stored.lease_owner) == (RequestState.RUNNING, "another")


DIFFERENCES = {"question.taken_back", "answer.shown_again", "attempt.not_stored", "end.given_up"}


def told(logs: Sequence[Mapping[str, object]]) -> list[tuple[object, object, object]]:
    """What the log says of differences: the event, the question and the cause."""
    found = [entry for entry in logs if entry["event"] in DIFFERENCES]
    return [(entry["event"], entry["request_id"], entry["cause"]) for entry in found]


async def test_a_question_that_runs_nowhere_is_logged_once() -> None:
    """However often what is stored is compared, also twice before the first one is put back."""
    async with running(NO_MODEL, settings=settings()) as queue:
        with capture_logs() as logs:
            lost = await claimed_by(queue, OWNER)
            await queue.parts.reconciliation.reconcile()
            await queue.parts.reconciliation.reconcile()
            await LoopClock().sleep(5 * RECONCILE_EVERY)
        assert await queue.state(lost) is RequestState.QUEUED
        assert told(logs) == [("question.taken_back", lost, "unknown")]


async def test_a_question_that_is_lost_again_is_logged_again() -> None:
    """Each loss is one line, so the log tells how often it happened."""
    async with running(NO_MODEL, settings=settings()) as queue:
        with capture_logs() as logs:
            lost = await claimed_by(queue, OWNER)
            await LoopClock().sleep(3 * RECONCILE_EVERY)
            assert await queue.store.claim(OWNER, now=LoopClock().now, lease=LEASE) is not None
            await LoopClock().sleep(3 * RECONCILE_EVERY)
        assert told(logs) == [("question.taken_back", lost, "unknown")] * 2
        assert [entry["failures"] for entry in logs if entry["event"] == "question.taken_back"] == [1, 2]


async def test_a_known_cause_is_named_although_the_disk_fails_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """The difference is seen at every comparison until the disk works, and logged when it is put right."""
    disk = {"fails": True}
    whole = MemoryRequests.mark_failed

    async def answered(*_: object, **__: object) -> bool:
        raise RuntimeError("a bug")

    async def failed(*args: object, **kwargs: object) -> object:
        if disk["fails"]:
            raise StorageError("disk full")
        return await cast("Any", whole)(*args, **kwargs)

    monkeypatch.setattr(MemoryRequests, "mark_answered", answered)
    monkeypatch.setattr(MemoryRequests, "mark_failed", failed)
    async with running(ready(1), settings=settings()) as queue:
        with capture_logs() as logs:
            asked = await queue.asks(1, "?")
            (await queue.scheduler.asked(1)).end("lost")
            await LoopClock().sleep(4 * STORAGE_PATIENCE)
            assert told(logs) == []
            disk["fails"] = False
            await LoopClock().sleep(2 * STORAGE_PATIENCE)
        assert await queue.state(asked) is RequestState.FAILED
        assert told(logs) == [("question.taken_back", asked, "RuntimeError")]


async def test_an_attempt_that_is_not_stored_is_logged_once() -> None:
    """The scheduler still holds it, so it is seen at every comparison."""
    async with running(ready(1), settings=settings()) as queue:
        with capture_logs() as logs:
            asked = await queue.asks(1, "?")
            await queue.scheduler.asked(1)
            assert await queue.store.mark_cancelled(asked, now=LoopClock().now())
            await LoopClock().sleep(5 * RECONCILE_EVERY)
            assert queue.in_flight.running == 1
        assert told(logs) == [("attempt.not_stored", asked, "cancelled")]
