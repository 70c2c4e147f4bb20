"""Ends or puts back what is stored as running here but is not, and shows answers whose delivery failed."""

from __future__ import annotations

import asyncio

import structlog

from bot.clock import Clock, woken
from bot.domain.queue.request import RequestState, StoredRequest
from bot.domain.queue.store import RequestStore
from bot.errors import BotError, StorageError, ValueRefused
from bot.services.answers.attempt import Attempt, Stop, StopCause
from bot.services.answers.completion import Completion
from bot.services.answers.live import LiveAnswers
from bot.services.queue.in_flight import InFlight, Loss
from bot.services.queue.positions import PositionUpdater
from bot.services.queue.signal import QueueSignal
from bot.tasks.background import Background
from bot.telemetry.repeats import Repeats

log = structlog.get_logger(__name__)

# Seconds between two comparisons of what is stored with what runs here; a failure makes one at once.
RECONCILE_EVERY = 5.0

# Seconds between two lines of the log about the same question, while the database fails.
SAID_EVERY = 600.0

# A question is put back, and an answer shown again, this many times. Then the cause will not pass, and the
# question fails with a sentence.
REPEATED_AT_MOST = 2

# So many questions' failures are counted, the newest.
COUNTED = 1000


class Reconciliation:
    """Ends questions whose attempt failed in one of its last steps.

    The disk is full, a value cannot be stored, a step has a bug: the row stays `running` and blocks its asker. It
    is put back at the head of the queue, ended with a sentence, or, if its answer is committed already, shown
    again.
    """

    def __init__(
        self,
        *,
        store: RequestStore,
        live_answers: LiveAnswers,
        completion: Completion,
        positions: PositionUpdater,
        in_flight: InFlight,
        signal: QueueSignal,
        background: Background,
        clock: Clock,
        owner: str,
    ) -> None:
        """``owner`` names this process; ``signal`` is set when a question may be taken again."""
        self._store = store
        self._live_answers = live_answers
        self._completion = completion
        self._positions = positions
        self._in_flight = in_flight
        self._signal = signal
        self._background = background
        self._clock = clock
        self._owner = owner
        self._failures: dict[str, int] = {}
        self._said = Repeats(every=SAID_EVERY)

    async def run(self) -> None:
        """Reconcile every few seconds and after every failure, until cancelled. Raises :class:`StorageError`."""
        while True:
            await woken(self._in_flight.losses, self._clock, RECONCILE_EVERY)
            await self.reconcile()

    def soon(self) -> None:
        """Compare at once: there may be a difference."""
        self._in_flight.losses.set()

    async def reconcile(self) -> None:
        """Compare what is stored with what is held, and begin to mend each difference. Raises
        :class:`StorageError`."""
        async with self._in_flight.claiming:
            stored = await self._store.running_ids(self._owner)
            losses, unstored = self._in_flight.to_reconcile(stored), self._in_flight.not_stored(stored)
        for run in unstored:
            await self._end_unstored(run)
        for loss in losses:
            self._background.spawn(self._reconcile(loss), name=f"reconcile-{loss.request_id}")

    async def deliver(self, request: StoredRequest) -> None:
        """Begin to show an answer that another process committed and did not show."""
        # The other process may have changed its messages since.
        await self._live_answers.close(request.request_id)
        self._live_answers.reopen(request)
        self._background.spawn(self._delivered(request), name=f"deliver-{request.request_id}")

    async def cancel(self, request: StoredRequest, *, by: int) -> bool:
        """End a question, stored as running, that nobody answers, for the person ``by``. False when its end is
        being committed here, or another process has it. Raises :class:`StorageError`."""
        request_id = request.request_id
        if request.lease_owner != self._owner or request_id in self._in_flight.held:
            return False
        stop = Stop(StopCause.PERSON, by)
        with self._in_flight.reconciling(Loss(request_id, stop=stop)):
            return await self._cancel(request, stop)

    async def _delivered(self, request: StoredRequest) -> None:
        try:
            await self._show(request, anew=False)
        except (Exception, asyncio.CancelledError) as error:
            self._in_flight.lose(Loss(request.request_id, error))
            raise

    async def _reconcile(self, loss: Loss) -> None:
        structlog.contextvars.bind_contextvars(request_id=loss.request_id)
        if loss.request_id in self._in_flight.held:
            # Somebody pressed Stop in the meantime.
            return
        try:
            with self._in_flight.reconciling(loss):
                await self._repeat_or_end(loss)
        except StorageError as error:
            # It is tried again. The disk's failure does not count as the question's.
            if self._said.due(loss.request_id, self._clock.monotonic()) is not None:
                log.warning("question.not_reconciled", request_id=loss.request_id, detail=str(error))
        except Exception:
            self._count(loss.request_id)
            raise

    async def _end_unstored(self, run: Attempt) -> None:
        """End an attempt whose question another process has, or has ended. One that was put back is left: it is
        claimed again here, and this attempt answers it."""
        request = await self._store.get(run.request.request_id)
        if request is not None and (request.state is RequestState.QUEUED or request.lease_owner == self._owner):
            return
        state = "removed" if request is None else request.state.value
        log.warning("attempt.not_stored", request_id=run.request.request_id, cause=state)
        run.stop(Stop(StopCause.LOST))

    async def _repeat_or_end(self, loss: Loss) -> None:
        request = await self._store.get(loss.request_id)
        if request is None or (loss.error is None and request.state is not RequestState.RUNNING):
            # It ended, or was put back, while the stored ids were read.
            return
        failures = self._failures.get(loss.request_id, 0) + 1
        if request.lease_owner == self._owner and request.state is RequestState.RUNNING:
            await self._take_back(request, loss, failures)
        elif request.lease_owner == self._owner and request.state is RequestState.ANSWERED:
            await self._show_again(request, loss, failures)
        else:
            await self._show_end(request, loss, failures)
        self._count(loss.request_id)

    async def _take_back(self, request: StoredRequest, loss: Loss, failures: int) -> None:
        """End a question that runs nowhere, as its asker wanted, or put it back, or fail it."""
        may_pass = _may_pass(loss.error)
        if loss.stop is not None and loss.stop.cause is not StopCause.SHUTDOWN:
            await self._cancel(request, loss.stop)
        elif may_pass and failures <= REPEATED_AT_MOST:
            await self._put_back(request)
        else:
            await self._fail(request, loss)
        level = log.warning if may_pass else log.error
        level("question.taken_back", request_id=request.request_id, failures=failures, **_cause(loss))
        # Another question of the same person in this channel may be taken now.
        self._signal.set()

    async def _show_again(self, request: StoredRequest, loss: Loss, failures: int) -> None:
        """Show an answer that is committed, but could not be shown, or not be committed as shown."""
        if failures > REPEATED_AT_MOST and not _may_pass(loss.error):
            await self._fail(request, loss)
            return
        log.warning("answer.shown_again", request_id=request.request_id, failures=failures, **_cause(loss))
        await self._show(request, anew=not _may_pass(loss.error))

    async def _show_end(self, request: StoredRequest, loss: Loss, failures: int) -> None:
        """Show the end of a question that has ended. One that waits is shown by the queue, one that another
        process has by that process."""
        live = self._live_answers.get(request.request_id)
        if live is None or request.state is RequestState.QUEUED:
            return
        if failures > REPEATED_AT_MOST:
            log.error("end.given_up", request_id=request.request_id, **_cause(loss))
        elif request.state is RequestState.FAILED:
            await self._completion.show_failed(request, live, _told(loss.error))
        elif request.state is RequestState.CANCELLED and loss.stop is not None and loss.stop.by:
            await self._completion.show_cancelled(request, live, by=loss.stop.by)
        await self._live_answers.close(request.request_id)

    async def _put_back(self, request: StoredRequest) -> None:
        request_id = request.request_id
        if not await self._store.release(request_id, self._owner, now=self._clock.now()):
            return
        position = await self._store.position(request_id)
        if position is not None:
            live = self._live_answers.reopen(request)
            self._positions.show_position(live, position)

    async def _cancel(self, request: StoredRequest, stop: Stop) -> bool:
        live = None if stop.cause is StopCause.GONE else self._live_answers.reopen(request)
        done = await self._completion.cancel(request, live, by=stop.by)
        await self._live_answers.close(request.request_id)
        self._signal.set()
        return done

    async def _fail(self, request: StoredRequest, loss: Loss) -> None:
        if not _may_pass(loss.error):
            # The view may be the cause: a new one shows the sentence.
            await self._live_answers.close(request.request_id)
        live = self._live_answers.reopen(request)
        await self._completion.fail(request, live, _told(loss.error))
        await self._live_answers.close(request.request_id)

    async def _show(self, request: StoredRequest, *, anew: bool) -> None:
        """Give the messages of a committed answer their last form; ``anew`` from what is stored."""
        if anew:
            await self._live_answers.close(request.request_id)
        live = self._live_answers.reopen(request)
        await self._completion.deliver(request, live)
        await self._live_answers.close(request.request_id)

    def _count(self, request_id: str) -> None:
        """Count one more failure of this question."""
        self._failures[request_id] = self._failures.pop(request_id, 0) + 1
        if len(self._failures) > COUNTED:
            del self._failures[next(iter(self._failures))]


def _may_pass(error: BaseException | None) -> bool:
    """Whether the same step may succeed later: after a failure of the disk, a cancellation, or an unknown cause,
    but not after a bug of ours or a value that cannot be stored."""
    if error is None or isinstance(error, asyncio.CancelledError):
        return True
    return isinstance(error, StorageError) and not isinstance(error, ValueRefused)


def _told(error: BaseException | None) -> BotError:
    """What the asker reads when the question fails because of ``error``."""
    if isinstance(error, StorageError):
        return BotError(str(error), key="error.answer_not_saved")
    return BotError(f"a bug while answering: {type(error).__name__}")


def _cause(loss: Loss) -> dict[str, str]:
    error = loss.error
    detail = str(error) if isinstance(error, BotError) else ""
    return {"cause": "unknown" if error is None else type(error).__name__, "detail": detail}
