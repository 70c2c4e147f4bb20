"""Puts right what is stored as running here and is not, and shows answers whose delivery failed."""

from __future__ import annotations

import asyncio

import structlog

from bot.clock import Clock, woken
from bot.domain.queue.request import RequestState, StoredRequest
from bot.domain.queue.store import RequestStore
from bot.errors import BotError, StorageError, ValueRefused
from bot.services.answers.attempt import Stop, StopCause
from bot.services.answers.completion import Completion
from bot.services.answers.live import LiveAnswers
from bot.services.queue.in_flight import InFlight, Loss
from bot.services.queue.positions import PositionUpdater
from bot.services.queue.signal import QueueSignal
from bot.tasks.background import Background

log = structlog.get_logger(__name__)

# Seconds between two comparisons of what is stored with what runs here; a failure makes one at once.
RECONCILE_EVERY = 5.0

# A question is put back, and an answer shown again, this many times. What fails more often fails for a reason that
# waiting does not mend, and ends with a sentence.
REPEATED_AT_MOST = 2

# Questions whose failures are counted, the newest of them: more than this fail together nowhere.
COUNTED = 1000


class Reconciliation:
    """Sees to it that every question ends, whatever fails on its way.

    An attempt may fail in its last steps: the disk is full, a value cannot be stored, a step has a bug. Its row
    then stays as it was, and would keep its asker from asking on. Here such a row is put back to the head of the
    queue, ended with a sentence, or, when its answer is committed already, shown again.
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

    async def run(self) -> None:
        """Reconcile every few seconds and after every failure, until cancelled. Raises :class:`StorageError`."""
        while True:
            await woken(self._in_flight.losses, self._clock, RECONCILE_EVERY)
            await self.reconcile()

    async def reconcile(self) -> None:
        """Begin to put right what nobody here holds. Raises :class:`StorageError`."""
        async with self._in_flight.claiming:
            stored = await self._store.running_ids(self._owner)
            astray = self._in_flight.astray(stored)
        for loss in astray:
            self._background.spawn(self._put_right(loss), name=f"reconcile-{loss.request_id}")

    async def deliver(self, request: StoredRequest) -> None:
        """Begin to show an answer that another process committed and did not show."""
        # What we know of its messages is older than what the other process made of them.
        await self._live_answers.close(request.request_id)
        self._live_answers.reopen(request)
        self._background.spawn(self._delivered(request), name=f"deliver-{request.request_id}")

    async def cancel(self, request: StoredRequest, *, by: int) -> bool:
        """End a question that is stored as running and that nobody answers, for a person. False when its end is
        being committed here, or another process has it. Raises :class:`StorageError`."""
        request_id = request.request_id
        if request.lease_owner != self._owner or request_id in self._in_flight.held:
            return False
        loss = Loss(request_id, stop=Stop(StopCause.PERSON, by))
        with self._in_flight.putting_right(loss):
            return await self._cancelled(request, Stop(StopCause.PERSON, by))

    async def _delivered(self, request: StoredRequest) -> None:
        try:
            await self._show(request, anew=False)
        except (Exception, asyncio.CancelledError) as error:
            self._in_flight.lose(Loss(request.request_id, error))
            raise

    async def _put_right(self, loss: Loss) -> None:
        structlog.contextvars.bind_contextvars(request_id=loss.request_id)
        if loss.request_id in self._in_flight.held:
            # Somebody pressed Stop in the meantime.
            return
        try:
            with self._in_flight.putting_right(loss):
                await self._repeat_or_end(loss)
        except StorageError as error:
            # The disk is not well: this is tried again, and is no failure of the question's.
            log.warning("question.not_put_right", request_id=loss.request_id, detail=str(error))
        except Exception:
            self._count(loss.request_id)
            raise

    async def _repeat_or_end(self, loss: Loss) -> None:
        request = await self._store.get(loss.request_id)
        if request is None or (loss.error is None and request.state is not RequestState.RUNNING):
            # It went its way while what is stored was read.
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
        """The question runs nowhere: end it as its asker wanted, put it back, or fail it."""
        may_pass = _may_pass(loss.error)
        if loss.stop is not None and loss.stop.cause is not StopCause.SHUTDOWN:
            await self._cancelled(request, loss.stop)
        elif may_pass and failures <= REPEATED_AT_MOST:
            await self._put_back(request)
        else:
            await self._failed(request, loss)
        level = log.warning if may_pass else log.error
        level("question.taken_back", request_id=request.request_id, failures=failures, **_cause(loss))
        # Another question of the same person in this channel may be taken now.
        self._signal.set()

    async def _show_again(self, request: StoredRequest, loss: Loss, failures: int) -> None:
        """The answer is committed, but showing it or committing that failed."""
        if failures > REPEATED_AT_MOST and not _may_pass(loss.error):
            await self._failed(request, loss)
            return
        log.warning("answer.shown_again", request_id=request.request_id, failures=failures, **_cause(loss))
        await self._show(request, anew=not _may_pass(loss.error))

    async def _show_end(self, request: StoredRequest, loss: Loss, failures: int) -> None:
        """The question has ended, perhaps without its message saying so; or it waits, and the queue shows it; or
        another process has it, and shows it."""
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

    async def _cancelled(self, request: StoredRequest, stop: Stop) -> bool:
        live = None if stop.cause is StopCause.GONE else self._live_answers.reopen(request)
        done = await self._completion.cancel(request, live, by=stop.by)
        await self._live_answers.close(request.request_id)
        self._signal.set()
        return done

    async def _failed(self, request: StoredRequest, loss: Loss) -> None:
        if not _may_pass(loss.error):
            # What cannot be shown may be the reason: say it in a new view.
            await self._live_answers.close(request.request_id)
        live = self._live_answers.reopen(request)
        await self._completion.fail(request, live, _told(loss.error))
        await self._live_answers.close(request.request_id)

    async def _show(self, request: StoredRequest, *, anew: bool) -> None:
        """Bring the messages of a committed answer to their last form. ``anew``: what we know of them may be older
        than what is stored, or wrong."""
        if anew:
            await self._live_answers.close(request.request_id)
        live = self._live_answers.reopen(request)
        if request.answer is not None:
            await self._completion.show_answer(request, live, request.answer)
        live.show()
        await self._completion.deliver(request, live)
        await self._live_answers.close(request.request_id)

    def _count(self, request_id: str) -> None:
        """Note that this question failed here once more."""
        self._failures[request_id] = self._failures.pop(request_id, 0) + 1
        if len(self._failures) > COUNTED:
            del self._failures[next(iter(self._failures))]


def _may_pass(error: BaseException | None) -> bool:
    """Whether the same step may succeed later: the disk, a cancellation, or a failure that nobody saw. All else is
    a bug of ours or a value that cannot be stored, and comes again."""
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
