"""Ending questions early: stopped or withdrawn by a person, cleared by an operator, message deleted."""

from __future__ import annotations

from collections import deque
from contextlib import nullcontext

import structlog

from bot.clock import Clock
from bot.domain.queue.request import OPEN_STATES, RequestState, StoredRequest
from bot.domain.queue.store import RequestStore, Wish, Wishes, WishKind
from bot.services.answers.attempt import Attempt, Stop, StopCause
from bot.services.answers.completion import Completion
from bot.services.answers.live import LiveAnswer, LiveAnswers, MessageGone
from bot.services.queue.expiry import Expiry
from bot.services.queue.in_flight import InFlight
from bot.services.queue.reconciliation import Reconciliation
from bot.services.queue.signal import QueueSignal
from bot.tasks.background import Background

log = structlog.get_logger(__name__)

FULFILLED_WITHIN, LOOK_AGAIN = 3.0, 0.1
"""Seconds that another process has to end a question when it is asked to, and between two looks at whether it
has."""

# The newest deleted messages that are remembered.
DELETED_KEPT = 256


class Cancellation:
    """Ends a question wherever it is: waiting, being asked, or about to be answered."""

    def __init__(
        self,
        *,
        store: RequestStore,
        live_answers: LiveAnswers,
        completion: Completion,
        expiry: Expiry,
        in_flight: InFlight,
        reconciliation: Reconciliation,
        signal: QueueSignal,
        background: Background,
        clock: Clock,
        owner: str,
        wishes: Wishes | None = None,
    ) -> None:
        """``signal`` is set when a question left the queue: the next one of its asker may be taken. ``owner``
        names this process; through ``wishes`` it asks others to end what they answer, None: there are none."""
        self._clock = clock
        self._owner = owner
        self._wishes = wishes
        self._store = store
        self._live_answers = live_answers
        self._completion = completion
        self._expiry = expiry
        self._in_flight = in_flight
        self._reconciliation = reconciliation
        self._signal = signal
        self._background = background
        # A message may be deleted before its id is stored; when the id is stored, it is looked up here.
        self._deleted: deque[int] = deque(maxlen=DELETED_KEPT)

    async def run(self) -> None:
        """End the questions whose message is gone, until cancelled."""
        while True:
            event = await self._live_answers.events.get()
            if isinstance(event, MessageGone) or event.message_id in self._deleted:
                self.message_gone(event.request_id)

    async def stop(self, request_id: str, *, by: int) -> bool:
        """Stop or withdraw a question for a person; False when it has already ended. Raises
        :class:`StorageError`."""
        run = self._in_flight.get(request_id)
        if run is not None and not self._in_flight.is_given_up(run):
            await self._end_run(run, Stop(StopCause.PERSON, by))
            return True
        request = await self._store.get(request_id)
        if request is not None and request.state is RequestState.RUNNING:
            return await self._stop_running(request, by=by)
        if request is None or request.state is not RequestState.QUEUED:
            # Its answer is complete.
            return False
        if await self._end_waiting(request, self._live_answers.reopen(request), by=by):
            return True
        # Another process has taken it in this moment, or somebody else has ended it.
        return await self._ask_to_end(Wish(request_id, WishKind.STOP, by))

    async def clear(self, *, by: int) -> int:
        """Withdraw everything that waits, in one transaction; returns how much. The messages say so afterwards.
        Raises :class:`StorageError`."""
        cleared = await self._expiry.clear(by=by)
        self._signal.set()
        return cleared

    async def withdraw(self, request_id: str, *, by: int) -> None:
        """End a question that its asker deleted: no part of an answer is kept, and nothing can be repeated. Raises
        :class:`StorageError`."""
        run = self._in_flight.get(request_id)
        if run is not None:
            run.stop(Stop(StopCause.PERSON, by))
            with self._in_flight.give_up(run):
                await self._completion.withdraw(run.request, run.live, by=by, used=run.used)
            await self._close(request_id)
            return
        wish = Wish(request_id, WishKind.WITHDRAW, by)
        if await self._ask_to_end(wish):
            # Nothing of it may be left when this returns.
            await self._see_to(wish)
            return
        request = await self._store.get(request_id)
        if request is None or request.state is not RequestState.QUEUED:
            await self.stop(request_id, by=by)
            return
        live = self._live_answers.reopen(request)
        if await self._completion.withdraw(request, live, by=by, used=None):
            await self._live_answers.close(request_id)
        self._signal.set()

    async def fulfil(self, wish: Wish) -> None:
        """End a question that is answered here, or waits, as somebody wants who asked another process. Raises
        :class:`StorageError`."""
        if wish.kind is WishKind.STOP:
            await self.stop(wish.request_id, by=wish.by)
        elif wish.kind is WishKind.WITHDRAW:
            await self.withdraw(wish.request_id, by=wish.by)
        else:
            await self._end_gone(wish.request_id)
        if self._wishes is not None:
            await self._wishes.fulfilled(wish.request_id)
        log.info("wish.fulfilled", request_id=wish.request_id, kind=wish.kind.value, by=wish.by)

    async def _ask_to_end(self, wish: Wish) -> bool:
        """Ask the process that answers a question to end it; False when no other one does."""
        request_id = wish.request_id
        holder = (await self._store.holders([request_id])).get(request_id)
        if self._wishes is None or holder is None or holder.state is not RequestState.RUNNING:
            return False
        if holder.owner == self._owner:
            return False
        await self._wishes.leave(wish, now=self._clock.now())
        if wish.kind is not WishKind.WITHDRAW:
            self._background.spawn(self._see_to(wish), name=f"wish-{request_id}")
        return True

    async def _see_to(self, wish: Wish) -> None:
        """Wait until a question has ended that another process answers; end it here when that one hangs."""
        request_id, until = wish.request_id, self._clock.monotonic() + FULFILLED_WITHIN
        while self._clock.monotonic() < until:
            holder = (await self._store.holders([request_id])).get(request_id)
            if holder is None or holder.state not in OPEN_STATES:
                return
            await self._clock.sleep(LOOK_AGAIN)
        if await self._store.mark_cancelled(request_id, now=self._clock.now()):
            log.warning("wish.not_fulfilled", request_id=request_id, kind=wish.kind.value, by=wish.by)
            request = await self._store.get(request_id)
            if request is not None and wish.by:
                live = self._live_answers.reopen(request)
                live.is_ending = True
                await self._completion.show_cancelled(request, live, by=wish.by)
                await self._live_answers.close(request_id)

    async def message_deleted(self, message_id: int) -> None:
        """End the question whose answer this deleted message shows, if there is one. Raises
        :class:`StorageError`."""
        self._deleted.append(message_id)
        request = await self._store.by_message(message_id)
        if request is None or request.state not in OPEN_STATES:
            return
        live = self._live_answers.get(request.request_id)
        if live is None or not live.delivery.is_removing(message_id):
            self.message_gone(request.request_id)

    def message_gone(self, request_id: str) -> None:
        """Begin to end a question whose message somebody deleted; returns at once."""
        self._background.spawn(self._end_gone(request_id), name=f"gone-{request_id}")

    async def _end_waiting(self, request: StoredRequest, live: LiveAnswer | None, *, by: int) -> bool:
        """Withdraw a question that was waiting when it was looked up, and say so in ``live``; False when it has
        ended."""
        if live is not None:
            live.is_ending = True
        done = await self._completion.cancel(request, None, by=by)
        if live is not None and not done:
            live.is_ending = False
        if done:
            async with self._in_flight.claiming:
                run = self._in_flight.get(request.request_id)
            with self._in_flight.give_up(run) if run is not None else nullcontext():
                if run is not None:
                    # It was claimed meanwhile: nothing it still hears may be written into the message.
                    run.stop(Stop(StopCause.PERSON if live is not None else StopCause.GONE, by))
                if live is not None:
                    await self._completion.show_cancelled(request, live, by=by)
            await self._live_answers.close(request.request_id)
        self._signal.set()
        return done

    async def _end_run(self, run: Attempt, stop: Stop) -> None:
        run.stop(stop)
        if run.withdrawable:
            return
        # The scheduler holds it and cannot be told to drop it: it ends for its asker now, and keeps its slot in
        # our count until the scheduler ends it.
        live = run.live if stop.cause is StopCause.PERSON else None
        with self._in_flight.give_up(run):
            if live is not None and (kept := run.kept()) is not None:
                # It was being asked for again after a break: what people have read stays.
                await self._completion.finish(run.request, live, kept, by=stop.by)
            else:
                await self._completion.cancel(run.request, live, by=stop.by, used=run.used)
        await self._close(run.request.request_id)

    async def _close(self, request_id: str) -> None:
        """Close the live answer of a question that has ended, unless somebody else shows that at the moment, who
        closes it then."""
        if not self._in_flight.is_ending(request_id):
            await self._live_answers.close(request_id)

    async def _stop_running(self, request: StoredRequest, *, by: int) -> bool:
        """Stop a question that is stored as running without an attempt: just claimed, ending, or lost."""
        request_id, stop = request.request_id, Stop(StopCause.PERSON, by)
        async with self._in_flight.claiming:
            run = self._in_flight.get(request_id)
        if run is None:
            ending = self._in_flight.stop_ending(request_id, stop)
            if ending or await self._reconciliation.cancel(request, by=by):
                return True
            return await self._ask_to_end(Wish(request_id, WishKind.STOP, by))
        await self._end_run(run, stop)
        return True

    async def _end_gone(self, request_id: str) -> None:
        run = self._in_flight.get(request_id)
        if run is not None:
            await self._end_run(run, Stop(StopCause.GONE))
            return
        request = await self._store.get(request_id)
        if request is None or await self._ask_to_end(Wish(request_id, WishKind.GONE, 0)):
            return
        if await self._end_waiting(request, None, by=0):
            log.info("question.message_deleted", request_id=request_id)
