"""Drains the line: claims in fair order, never more than the cluster can take, and sees every answer through."""

from __future__ import annotations

import asyncio
from collections import deque

import structlog

from bot.clock import Clock
from bot.domain.queue.hold import RESTARTING
from bot.domain.queue.request import OPEN_STATES, RequestState, StoredRequest
from bot.domain.queue.store import QueuePause, RequestStore
from bot.errors import BotError, Draining, SchedulerError
from bot.services.answers.attempt import Attempt, Attempts, Outcome, Stop, StopCause
from bot.services.answers.completion import Completion
from bot.services.answers.live import LiveAnswer, LiveAnswers
from bot.services.queue.expiry import Expiry
from bot.services.queue.gate import Gate
from bot.services.queue.heartbeat import Heartbeat
from bot.services.queue.in_flight import InFlight, Loss
from bot.services.queue.positions import PositionUpdater
from bot.services.queue.reconciliation import Reconciliation
from bot.services.queue.signal import QueueSignal
from bot.tasks.background import Background
from bot.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

# Several free slots are filled together, up to this many at a time.
CLAIMS_AT_ONCE = 4

# How long the messages may take at shutdown to say that their questions are kept: an edit's longest wait for its
# slot (2 s through an interaction) and a second.
LAST_WORDS = 3.0

# Deletions of messages we do not know (yet) that are remembered.
DELETED_KEPT = 256


class Dispatcher:
    """The only one that sends questions to the cluster."""

    def __init__(
        self,
        *,
        store: RequestStore,
        live_answers: LiveAnswers,
        gate: Gate,
        attempts: Attempts,
        completion: Completion,
        positions: PositionUpdater,
        heartbeat: Heartbeat,
        expiry: Expiry,
        in_flight: InFlight,
        reconciliation: Reconciliation,
        signal: QueueSignal,
        background: Background,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._live_answers = live_answers
        self._gate = gate
        self._attempts = attempts
        self._completion = completion
        self._positions = positions
        self._heartbeat = heartbeat
        self._expiry = expiry
        self._in_flight = in_flight
        self._reconciliation = reconciliation
        self._signal = signal
        self._background = background
        self._clock = clock
        self._metrics = metrics
        # A message may be deleted before its id is kept: whoever attaches it later looks here.
        self._deleted: deque[int] = deque(maxlen=DELETED_KEPT)
        live_answers.on_gone = self.message_gone
        live_answers.on_attached = self._attached
        heartbeat.on_beat = self.look_again

    @property
    def running(self) -> int:
        """Questions in flight, those that were withdrawn but still held by the scheduler included."""
        return self._in_flight.running

    @property
    def _free(self) -> int:
        return self._gate.limit() - self.running

    @property
    def elapsed(self) -> tuple[float, ...]:
        """How long each question in flight has run, in seconds."""
        return self._in_flight.elapsed

    async def is_idle(self) -> bool:
        """Whether nothing runs or waits, and a question would be taken."""
        counts = await self._store.counts()
        busy = self.running or counts[RequestState.QUEUED] or counts[RequestState.RUNNING]
        return not busy and self._gate.hold() is None

    def require_open(self) -> None:
        """Raise :class:`Draining` when no further question is taken."""
        if self._gate.restarting:
            raise Draining

    def pause_changed(self, pause: QueuePause | None) -> None:
        """Operators hold the line, or released it."""
        self._gate.pause_changed(pause)
        self.wake()

    async def refresh_pause(self) -> None:
        """Another process may have held the line, or released it. Raises :class:`StorageError`."""
        pause = await self._store.paused()
        if pause != self._gate.pause:
            self.pause_changed(pause)

    async def look_again(self) -> None:
        """Another process may have changed the line: taken from it, added to it, held it. Raises
        :class:`StorageError`."""
        await self.refresh_pause()
        self.wake()

    def wake(self) -> None:
        """Something changed: a question came, a slot is free, the cluster reported."""
        self._signal.set()

    async def taken(self, live: LiveAnswer) -> None:
        """A question is in the line: decide what its acknowledgement says, and go."""
        self.wake()
        position = await self._store.position(live.question.request_id)
        if position is None or self._in_flight.get(live.question.request_id) is not None:
            return
        if self._gate.hold() is None and position <= self._free:
            live.view.asked(self._gate.model)
        else:
            self._positions.position(live, position)

    async def run(self) -> None:
        """Drain the line until cancelled."""
        while True:
            retry_in = await self._dispatch()
            self._positions.changed()
            await self._signal.wait(retry_in)

    async def stop(self, request_id: str, *, by: int) -> bool:
        """Stop or withdraw a question for a person; False when it has already ended."""
        run = self._in_flight.get(request_id)
        if run is not None:
            await self._end_run(run, Stop(StopCause.PERSON, by))
            return True
        request = await self._store.get(request_id)
        if request is not None and request.state is RequestState.RUNNING:
            return await self._stop_running(request, by=by)
        if request is None or request.state is not RequestState.QUEUED:
            # Its last form is on its way, or it has that already.
            return False
        live = self._live_answers.reopen(request)
        done = await self._completion.cancelled(request, live, by=by)
        if done:
            await self._live_answers.close(request_id)
        self.wake()
        return done

    async def clear(self, *, by: int) -> int:
        """Withdraw everything that waits, in one transaction; returns how much. The messages say so afterwards."""
        cleared = await self._expiry.clear(by=by)
        self.wake()
        return cleared

    async def withdraw(self, request_id: str, *, by: int) -> None:
        """End a question whose asker wants no answer to it any more: nothing of one is kept."""
        run = self._in_flight.get(request_id)
        if run is None:
            await self.stop(request_id, by=by)
            return
        run.stop(Stop(StopCause.PERSON, by))
        with self._in_flight.give_up(run):
            await self._completion.cancelled(run.request, run.live, by=by)
        await self._live_answers.close(request_id)

    async def message_deleted(self, message_id: int) -> None:
        """A message was deleted in Discord; when it belongs to an answer, the answer ends."""
        self._deleted.append(message_id)
        request = await self._store.by_message(message_id)
        if request is None or request.state not in OPEN_STATES:
            return
        live = self._live_answers.get(request.request_id)
        if live is None or not live.delivery.is_removing(message_id):
            self.message_gone(request.request_id)

    def _attached(self, request_id: str, message_id: int) -> None:
        if message_id in self._deleted:
            self.message_gone(request_id)

    def message_gone(self, request_id: str) -> None:
        """Somebody deleted the answer: nobody waits for it any more."""
        self._background.spawn(self._forget(request_id), name=f"gone-{request_id}")

    async def drain(self, grace: float) -> None:
        """Stop taking questions, let running answers finish for ``grace`` seconds, put the rest back."""
        self._gate.restarting = True
        self._positions.held_by_restart()
        deadline = self._clock.monotonic() + grace
        while self.running and (left := deadline - self._clock.monotonic()) > 0:
            await self._signal.wait(left)
        for run in self._in_flight.runs:
            run.stop(Stop(StopCause.SHUTDOWN))
            try:
                with self._in_flight.give_up(run):
                    await self._put_back(run)
            except BotError as error:
                # The next start takes it back; the others are put back all the same.
                log.warning("question.not_put_back", request_id=run.request.request_id, detail=str(error))
        await self._live_answers.settled(LAST_WORDS)

    def interrupt(self) -> int:
        """Put everything that runs back at the head of the line, to be asked again; returns how much that was.

        For a line that is held: otherwise the questions leave again at once.
        """
        runs = self._in_flight.runs
        for run in runs:
            run.stop(Stop(StopCause.SHUTDOWN))
        return len(runs)

    async def _dispatch(self) -> float | None:
        """Start what may start; returns after how many seconds to look again even if nothing happens."""
        while (free := self._gate.room(self.running)) > 0:
            if not await self._claim(free) and not self._gate.nothing_else():
                break
        self._metrics.running.set(self.running)
        return self._gate.retry_in()

    async def _claim(self, free: int) -> bool:
        """Start some of as many questions as there are ``free`` slots, less those that other processes use; False
        when nothing more may start."""
        owner, lease = self._heartbeat.owner, self._heartbeat.seconds
        async with self._in_flight.claiming:
            with self._gate.claiming() as excluded:
                # Together: in a burst each wait for the database is as long as the burst makes it.
                claims = (
                    self._store.claim(
                        owner, now=self._clock.now, lease=lease, room=free - taken, excluding=excluded
                    )
                    for taken in range(min(free, CLAIMS_AT_ONCE))
                )
                results = await asyncio.gather(*claims, return_exceptions=True)
                for result in results:
                    if isinstance(result, StoredRequest):
                        self._start(result)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return all(result is not None for result in results)

    def _start(self, request: StoredRequest) -> None:
        if self._in_flight.goes_on(request.request_id):
            # Another process took it from us while this one hung, and put it back: it is ours again.
            log.warning("question.held_again", request_id=request.request_id)
            return
        live = self._live_answers.reopen(request)
        # Since its message was opened here, another process may have begun to answer it and put it back.
        live.delivery.learned(request.message_ids)
        run = self._attempts.run(
            request,
            live,
            model=self._gate.model,
            on_started=lambda waited: self._gate.began(waited, self.running, self._in_flight.unstarted),
        )
        self._in_flight.begin(run)
        self._gate.sent(request.request_id)
        self._positions.left(request.request_id)
        self._background.spawn(self._carry(run), name=f"answer-{request.request_id}")

    async def _carry(self, run: Attempt) -> None:
        request_id = run.request.request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self._see_through(run)
        except (Exception, asyncio.CancelledError) as error:
            # Logged by whoever holds this task. The asker must not wait for ever: it is put right, or ended.
            self._in_flight.lose(Loss(request_id, error, run.stopped))
            raise
        finally:
            self._in_flight.end(run)
            # What the same person asked next in this channel may be taken now.
            self.wake()

    async def _see_through(self, run: Attempt) -> None:
        try:
            outcome = await run.execute()
        finally:
            # The pipeline is free: the next question leaves before this answer is brought to its last form.
            self._in_flight.free_slot(run)
            self.wake()
        # Also of a question that nobody waits for any more: what it met, the next one will meet.
        again = self._told_gate(run, outcome)
        if not self._in_flight.is_given_up(run):
            await self._settle(run, outcome, again=again)

    def _told_gate(self, run: Attempt, outcome: Outcome) -> bool:
        """Tell the gate how an attempt ended; returns whether the question is worth another one."""
        error = outcome.error
        if outcome.answer is None and isinstance(error, SchedulerError):
            request = run.request
            return self._gate.refused(request.request_id, error, elapsed=run.elapsed, attempts=request.attempts)
        complete = outcome.answer if outcome.finish else None
        self._gate.ended(complete.duration if complete is not None else None)
        return False

    async def _settle(self, run: Attempt, outcome: Outcome, *, again: bool) -> None:
        request, live = run.request, run.live
        if outcome.stop is not None and outcome.stop.cause is StopCause.SHUTDOWN:
            await self._put_back(run)
            return
        if outcome.stop is not None and outcome.stop.cause is StopCause.GONE:
            await self._completion.cancelled(request, None, by=0)
        elif outcome.error is not None:
            if again:
                await self._keep_in_line(run, outcome.error)
                return
            if outcome.answer is not None:
                await self._completion.answered(request, live, outcome.answer)
            else:
                await self._completion.failed(request, live, outcome.error)
        elif outcome.answer is None:
            await self._completion.cancelled(request, live, by=outcome.stop.by if outcome.stop else 0)
        else:
            by = outcome.stop.by if outcome.stop else 0
            await self._completion.answered(request, live, outcome.answer, by=by)
        await self._live_answers.close(request.request_id)

    async def _keep_in_line(self, run: Attempt, error: BotError) -> None:
        """The question goes back to the head of its line instead of ending here."""
        log.warning(
            "question.kept",
            request_id=run.request.request_id,
            error=type(error).__name__,
            status=getattr(error, "status", None),
            code=getattr(error, "code", None),
            detail=str(error),
        )
        await self._released(run)
        hold = self._gate.hold()
        if hold is not None:
            run.live.view.held(hold.key, **dict(hold.params))
            run.live.show()
        self.wake()

    async def _put_back(self, run: Attempt) -> None:
        await self._released(run)
        hold = self._gate.hold() or RESTARTING
        run.live.view.held(hold.key, **dict(hold.params))
        run.live.show()

    async def _released(self, run: Attempt) -> None:
        await self._store.release(run.request.request_id, self._heartbeat.owner, now=self._clock.now())

    async def _end_run(self, run: Attempt, stop: Stop) -> None:
        run.stop(stop)
        if run.withdrawable:
            return
        # The scheduler holds it and cannot be told: it ends for its asker now, and keeps its slot in our count
        # until it surfaces there.
        live = run.live if stop.cause is StopCause.PERSON else None
        with self._in_flight.give_up(run):
            if live is not None and (kept := run.kept()) is not None:
                # It was being asked for again after a break: what people have read stays.
                await self._completion.answered(run.request, live, kept, by=stop.by)
            else:
                await self._completion.cancelled(run.request, live, by=stop.by)
        await self._live_answers.close(run.request.request_id)

    async def _stop_running(self, request: StoredRequest, *, by: int) -> bool:
        """Stop what is stored as running without being asked: it has just been claimed, is ending, or was lost."""
        request_id, stop = request.request_id, Stop(StopCause.PERSON, by)
        async with self._in_flight.claiming:
            run = self._in_flight.get(request_id)
        if run is None:
            ending = self._in_flight.stop_ending(request_id, stop)
            return ending or await self._reconciliation.cancel(request, by=by)
        await self._end_run(run, stop)
        return True

    async def _forget(self, request_id: str) -> None:
        run = self._in_flight.get(request_id)
        if run is not None:
            await self._end_run(run, Stop(StopCause.GONE))
            return
        request = await self._store.get(request_id)
        if request is not None and await self._completion.cancelled(request, None, by=0):
            log.info("question.message_deleted", request_id=request_id)
            await self._live_answers.close(request_id)
            self.wake()
