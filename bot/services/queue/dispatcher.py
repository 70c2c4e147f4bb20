"""Drains the queue: claims in fair order, never more than the cluster can take, and sees every answer through."""

from __future__ import annotations

import asyncio

import structlog

from bot.clock import Clock
from bot.domain.queue.hold import RESTARTING
from bot.domain.queue.request import StoredRequest
from bot.domain.queue.store import RequestStore
from bot.errors import BotError, SchedulerError
from bot.services.answers.attempt import Attempt, Attempts, Outcome, Stop, StopCause
from bot.services.answers.completion import Completion
from bot.services.answers.live import LiveAnswers
from bot.services.queue.gate import Gate
from bot.services.queue.heartbeat import Heartbeat
from bot.services.queue.in_flight import InFlight, Loss
from bot.services.queue.positions import PositionUpdater
from bot.services.queue.signal import QueueSignal
from bot.services.queue.slots import Slots
from bot.tasks.background import Background
from bot.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

# Several free slots are filled together, up to this many at a time.
CLAIMS_AT_ONCE = 4

# How long the messages may take at shutdown to say that their questions are kept: an edit's longest wait for its
# slot (2 s through an interaction) and a second.
LAST_WORDS = 3.0


class Dispatcher:
    """Claims waiting questions, sends them to the cluster and settles how each attempt ended."""

    def __init__(
        self,
        *,
        store: RequestStore,
        live_answers: LiveAnswers,
        gate: Gate,
        slots: Slots,
        attempts: Attempts,
        completion: Completion,
        positions: PositionUpdater,
        heartbeat: Heartbeat,
        in_flight: InFlight,
        signal: QueueSignal,
        background: Background,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._live_answers = live_answers
        self._gate = gate
        self._slots = slots
        self._attempts = attempts
        self._completion = completion
        self._positions = positions
        self._heartbeat = heartbeat
        self._in_flight = in_flight
        self._signal = signal
        self._background = background
        self._clock = clock
        self._metrics = metrics

    @property
    def running(self) -> int:
        """Questions in flight, those that were withdrawn but still held by the scheduler included."""
        return self._in_flight.running

    async def run(self) -> None:
        """Recover what other processes left behind, then drain the queue until cancelled. Raises
        :class:`StorageError`."""
        # First: what was asked before goes before what is asked from now on.
        await self._heartbeat.recover()
        while True:
            retry_in = await self._dispatch()
            self._positions.changed()
            await self._signal.wait(retry_in)

    async def drain(self, grace: float) -> None:
        """Stop taking questions, let running answers finish for ``grace`` seconds, put the rest back."""
        self._gate.restart()
        self._positions.show_restart()
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
        """Put everything that runs back at the head of the queue, to be asked again; returns how much that was.

        For a queue that is held: otherwise the questions leave again at once.
        """
        runs = self._in_flight.runs
        for run in runs:
            run.stop(Stop(StopCause.SHUTDOWN))
        return len(runs)

    async def _dispatch(self) -> float | None:
        """Start what may start; returns after how many seconds to look again even if nothing happens."""
        while (free := self._gate.room()) > 0:
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
        run = self._attempts.run(request, live, model=self._slots.model)
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
            self._signal.set()

    async def _see_through(self, run: Attempt) -> None:
        try:
            outcome = await run.execute()
        finally:
            # The pipeline is free: the next question leaves before this answer is brought to its last form.
            self._in_flight.free_slot(run)
            self._signal.set()
        # Also of a question that nobody waits for any more: what it met, the next one will meet.
        again = self._tell_gate(run, outcome)
        if not self._in_flight.is_given_up(run):
            await self._settle(run, outcome, again=again)

    def _tell_gate(self, run: Attempt, outcome: Outcome) -> bool:
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
            await self._completion.cancel(request, None, by=0)
        elif outcome.error is not None:
            if again:
                await self._keep_in_queue(run, outcome.error)
                return
            if outcome.answer is not None:
                await self._completion.finish(request, live, outcome.answer)
            else:
                await self._completion.fail(request, live, outcome.error)
        elif outcome.answer is None:
            await self._completion.cancel(request, live, by=outcome.stop.by if outcome.stop else 0)
        else:
            by = outcome.stop.by if outcome.stop else 0
            await self._completion.finish(request, live, outcome.answer, by=by)
        await self._live_answers.close(request.request_id)

    async def _keep_in_queue(self, run: Attempt, error: BotError) -> None:
        """The question goes back to the head of its queue instead of ending here."""
        log.warning(
            "question.kept",
            request_id=run.request.request_id,
            error=type(error).__name__,
            status=getattr(error, "status", None),
            code=getattr(error, "code", None),
            detail=str(error),
        )
        await self._release(run)
        hold = self._gate.hold()
        if hold is not None:
            run.live.show_hold(hold)
        self._signal.set()

    async def _put_back(self, run: Attempt) -> None:
        await self._release(run)
        run.live.show_hold(self._gate.hold() or RESTARTING)

    async def _release(self, run: Attempt) -> None:
        await self._store.release(run.request.request_id, self._heartbeat.owner, now=self._clock.now())
