"""Every question ends, whichever of the last steps of its attempt fails, and in whichever way."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from structlog.testing import capture_logs

from bot.domain.queue.request import RequestState
from bot.errors import RequestRefused, StorageError, ValueRefused
from bot.presentation.answer import AnswerView
from bot.services.answers.attempt import Attempt
from bot.services.answers.completion import STORAGE_PATIENCE
from bot.services.queue.reconciliation import RECONCILE_EVERY, REPEATED_AT_MOST
from tests.fakes.clocks import LoopClock
from tests.fakes.deliveries import NoAnnouncements, ShownAnswer
from tests.fakes.requests import MemoryRequests
from tests.fakes.schedulers import ready
from tests.integration.services.process import RunningQueue, Settings, running

OUTAGE = 70.0
"""Seconds: longer than a commit is repeated."""
assert OUTAGE > STORAGE_PATIENCE

AT_LAST = 400.0
"""Seconds after which a question that has not ended never will."""

SOON = RECONCILE_EVERY + 6.0
"""Seconds after the disk is well: the longest wait between two repetitions of a commit, and a comparison."""

FINAL = {RequestState.DELIVERED, RequestState.CANCELLED, RequestState.FAILED}

STEPS: dict[str, tuple[type, str]] = {
    "ask": (Attempt, "execute"),
    "commit": (MemoryRequests, "mark_answered"),
    "render": (AnswerView, "finish"),
    "deliver": (ShownAnswer, "finish"),
    "announce": (NoAnnouncements, "announce"),
    "note the delivery": (MemoryRequests, "mark_delivered"),
}

FAULTS: dict[str, tuple[Callable[[], BaseException], float]] = {
    "a bug, once": (lambda: RuntimeError("a bug"), 0.0),
    "a bug, always": (lambda: RuntimeError("a bug"), 1e9),
    "a cancellation": (asyncio.CancelledError, 0.0),
    "the disk, for long": (lambda: StorageError("database or disk is full"), OUTAGE),
}


@dataclass(eq=False)
class Fault:
    """An error that a method raises from its first call on, for ``lasts`` seconds."""

    error: Callable[[], BaseException]
    lasts: float
    began: float | None = None

    def strike(self) -> None:
        """Raise, while it lasts."""
        now = LoopClock().monotonic()
        self.began = now if self.began is None else self.began
        if now <= self.began + self.lasts:
            raise self.error()

    def put_into(self, patch: pytest.MonkeyPatch, position: type, name: str) -> None:
        """Let this method fail before it does anything."""
        whole = getattr(position, name)

        async def broken(*args: object, **kwargs: object) -> object:
            self.strike()
            return await whole(*args, **kwargs)

        def broken_at_once(*args: object, **kwargs: object) -> object:
            self.strike()
            return whole(*args, **kwargs)

        patch.setattr(position, name, broken if asyncio.iscoroutinefunction(whole) else broken_at_once)


@asynccontextmanager
async def a_queue() -> AsyncIterator[RunningQueue]:
    """A queue whose cluster answers everything, and whose answers are announced."""
    async with running(ready(4), settings=Settings(clock=LoopClock(), announce_after=0.0)) as queue:

        async def answer_all() -> None:
            for number in range(1, 1000):
                (await queue.scheduler.asked(number, timeout=1e9)).end("fine")

        cluster = asyncio.create_task(answer_all())
        try:
            yield queue
        finally:
            cluster.cancel()


async def ended(queue: RunningQueue, request_ids: Sequence[str], within: float = AT_LAST) -> list[RequestState]:
    """The states of these questions once all have ended."""
    until = LoopClock().monotonic() + within
    while True:
        states = [await queue.state(one) for one in request_ids]
        if set(states) <= FINAL:
            return states
        assert LoopClock().monotonic() < until, states
        await LoopClock().sleep(2.0)


async def nothing_is_left(queue: RunningQueue) -> None:
    """Nothing is stored as running, held or shown any more."""
    await LoopClock().sleep(SOON)
    assert set(await queue.store.running_ids("this process")) == queue.in_flight.held == set()
    assert queue.shown.open_now == set()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("step", STEPS)
async def test_a_question_ends_whichever_step_fails(
    monkeypatch: pytest.MonkeyPatch, step: str, fault: str
) -> None:
    """And its asker's next question in that channel is answered when the step works again."""
    error, lasts = FAULTS[fault]
    broken = Fault(error, lasts)
    async with a_queue() as queue:
        with monkeypatch.context() as patch:
            broken.put_into(patch, *STEPS[step])
            asked = await queue.asks(1, "?")
            await ended(queue, [asked], within=2 * SOON + (lasts if lasts < AT_LAST else 0.0))
        following = await queue.asks(1, "and?")
        assert await ended(queue, [asked, following]) == [await queue.state(asked), RequestState.DELIVERED]
        assert broken.began is not None
        await nothing_is_left(queue)


async def test_a_value_that_cannot_be_stored_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The question fails at once, with what happened and what to do."""
    refused = Fault(lambda: ValueRefused("Python int too large to convert to SQLite INTEGER"), 1e9)
    with monkeypatch.context() as patch:
        refused.put_into(patch, *STEPS["commit"])
        async with a_queue() as queue:
            asked = await queue.asks(1, "?")
            assert await ended(queue, [asked], within=SOON) == [RequestState.FAILED]
            await queue.until_shows(asked, "The answer could not be saved and is lost. Please ask again")
            assert len(queue.scheduler.streams) == 1


async def test_a_question_is_not_asked_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk takes everything but the answer: the question is put back twice, and then fails."""
    spoilt = Fault(lambda: StorageError("database disk image is malformed"), 1e9)
    with monkeypatch.context() as patch:
        spoilt.put_into(patch, *STEPS["commit"])
        async with a_queue() as queue:
            asked = await queue.asks(1, "?")
            assert await ended(queue, [asked]) == [RequestState.FAILED]
            await queue.until_shows(asked, "The answer could not be saved and is lost. Please ask again")
            assert len(queue.scheduler.streams) == 1 + REPEATED_AT_MOST
            await nothing_is_left(queue)


async def test_a_disk_that_is_full_for_long_loses_no_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three were being answered and one waits: seconds after the disk works again all are answered. The log
    tells of each once, and not at every attempt."""
    with capture_logs() as entries:
        await _through_an_outage(monkeypatch)
    said = Counter(entry["request_id"] for entry in entries if entry["event"] == "question.not_reconciled")
    assert set(said.values()) == {1}


async def _through_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(ready(3), settings=Settings(clock=LoopClock())) as queue:
        asked = [await queue.asks(user, "?") for user in (1, 2, 3, 4)]
        await queue.scheduler.asked(3)
        with monkeypatch.context() as patch:
            full = Fault(*FAULTS["the disk, for long"])
            for name in (
                "claim",
                "renew",
                "release",
                "mark_answered",
                "mark_delivered",
                "mark_failed",
                "mark_cancelled",
                "recover",
            ):
                full.put_into(patch, MemoryRequests, name)
            for stream in queue.scheduler.open:
                stream.end("fine")
            await LoopClock().sleep(OUTAGE + SOON)
            assert full.began is not None
        for number in range(4, 8):
            (await queue.scheduler.asked(number, timeout=SOON)).end("fine")
        assert await ended(queue, asked, within=SOON) == [RequestState.DELIVERED] * 4
        await nothing_is_left(queue)


@pytest.mark.parametrize("fault", ["a bug, once", "a cancellation", "the disk, for long"])
@pytest.mark.parametrize("begun", [True, False])
async def test_what_was_stopped_is_not_asked_again(
    monkeypatch: pytest.MonkeyPatch, fault: str, *, begun: bool
) -> None:
    """Also when the stop itself could not be committed."""
    async with running(ready(1), settings=Settings(clock=LoopClock())) as queue:
        asked = await queue.asks(1, "?")
        stream = await queue.scheduler.asked(1)
        if begun:
            stream.begin()
        await LoopClock().sleep(1.0)
        with monkeypatch.context() as patch:
            Fault(*FAULTS[fault]).put_into(patch, MemoryRequests, "mark_cancelled")
            stopping = asyncio.create_task(queue.cancellation.stop(asked, by=1))
            await LoopClock().sleep(1.0)
            stream.end()
            assert await ended(queue, [asked]) == [RequestState.CANCELLED]
            await asyncio.wait({stopping})
            assert stopping.cancelled() or stopping.exception() is not None or stopping.result()
        await queue.until_shows(asked, "stopped")
        assert len(queue.scheduler.streams) == 1
        await nothing_is_left(queue)


async def test_a_failure_that_cannot_be_committed_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cluster refused the question for good while the disk was full."""
    async with running(ready(1), settings=Settings(clock=LoopClock())) as queue:
        with monkeypatch.context() as patch:
            Fault(*FAULTS["the disk, for long"]).put_into(patch, MemoryRequests, "mark_failed")
            asked = await queue.asks(1, "?")
            for number in range(1, 7):
                (await queue.scheduler.asked(number, timeout=AT_LAST)).fail(RequestRefused("400", status=400))
                await LoopClock().sleep(OUTAGE)
                if await queue.state(asked) in FINAL:
                    break
            assert await ended(queue, [asked]) == [RequestState.FAILED]
        await nothing_is_left(queue)


@pytest.mark.parametrize("fault", ["a bug, once", "a bug, always"])
async def test_a_failure_whose_sentence_cannot_be_shown_is_shown_again(
    monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """A few times; the question has ended in any case."""
    async with running(ready(1), settings=Settings(clock=LoopClock())) as queue:
        asked = await queue.asks(1, "?")
        stream = await queue.scheduler.asked(1)
        with monkeypatch.context() as patch:
            Fault(*FAULTS[fault]).put_into(patch, *STEPS["deliver"])
            stream.fail(RequestRefused("400", status=400))
            assert await ended(queue, [asked], within=SOON) == [RequestState.FAILED]
            await LoopClock().sleep((REPEATED_AT_MOST + 1) * SOON)
        assert queue.answer(asked).finished == (1 if fault == "a bug, once" else 0)
        await nothing_is_left(queue)


async def test_what_is_stopped_while_its_end_cannot_be_committed_is_not_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The answer was complete, but the disk takes nothing, and its asker pressed Stop."""
    async with running(ready(1), settings=Settings(clock=LoopClock())) as queue:
        asked = await queue.asks(1, "?")
        stream = await queue.scheduler.asked(1)
        with monkeypatch.context() as patch:
            Fault(*FAULTS["the disk, for long"]).put_into(patch, *STEPS["commit"])
            stream.end("fine")
            await LoopClock().sleep(5.0)
            assert await queue.cancellation.stop(asked, by=1)
            assert await ended(queue, [asked], within=OUTAGE + SOON) == [RequestState.CANCELLED]
        assert len(queue.scheduler.streams) == 1
        await nothing_is_left(queue)
