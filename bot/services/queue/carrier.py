"""Carries a claimed question to its end: it is sent to the cluster, and how that ended is committed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from bot.clock import Clock
from bot.domain.queue.hold import RESTARTING
from bot.domain.queue.request import StoredRequest
from bot.domain.queue.store import RequestStore
from bot.errors import BotError, SchedulerError
from bot.services.answers.attempt import Attempt, Outcome, StopCause
from bot.services.answers.completion import Completion
from bot.services.answers.live import LiveAnswers
from bot.services.answers.passing import attempt_at
from bot.services.queue.company import Company
from bot.services.queue.gate import Gate
from bot.services.queue.in_flight import InFlight, Loss
from bot.services.queue.lane import Lane
from bot.services.queue.next_steps import NextSteps
from bot.services.queue.positions import PositionUpdater
from bot.services.queue.signal import QueueSignal
from bot.tasks.background import Background

log = structlog.get_logger(__name__)


class Carrier:
    """Sends claimed questions to their clusters and commits how each attempt ended."""

    def __init__(
        self,
        *,
        store: RequestStore,
        live_answers: LiveAnswers,
        gate: Gate,
        lanes: Sequence[Lane],
        completion: Completion,
        positions: PositionUpdater,
        in_flight: InFlight,
        signal: QueueSignal,
        background: Background,
        clock: Clock,
        owner: str,
        steps: NextSteps,
        company: Company | None = None,
    ) -> None:
        """``lanes`` lead to each cluster. ``owner`` names this process in the leases. ``company`` None: no other
        process uses the queue."""
        self._store = store
        self._live_answers = live_answers
        self._gate = gate
        self._lanes = {lane.place.cluster: lane for lane in lanes}
        self._completion = completion
        self._positions = positions
        self._in_flight = in_flight
        self._signal = signal
        self._background = background
        self._clock = clock
        self._owner = owner
        self._steps = steps
        self._company = company

    def start(self, request: StoredRequest, lane: Lane) -> None:
        """Send a question, which was claimed for this lane, and see it to its end."""
        if self._in_flight.goes_on(request.request_id):
            # Another process took it while this one hung, and put it back. The attempt here goes on.
            log.warning("question.held_again", request_id=request.request_id)
            return
        live = self._live_answers.reopen(request)
        # Another process may have answered a part of it, and added messages, since this one opened it.
        live.delivery.learned(request.message_ids)
        run = attempt_at(request, live, lane.parts, model=lane.slots.model)
        self._in_flight.begin(run)
        lane.gate.sent(request.request_id)
        self._positions.left(request.request_id)
        self._background.spawn(self._carry(run), name=f"answer-{request.request_id}")

    async def _carry(self, run: Attempt) -> None:
        request_id = run.request.request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self._run_to_end(run)
        except (Exception, asyncio.CancelledError) as error:
            # The background logs it. Reconciliation ends the question, or puts it back.
            self._in_flight.lose(Loss(request_id, error, run.stopped))
            raise
        finally:
            self._in_flight.end(run)
            # The same person's next question in this channel may be taken now.
            self._signal.set()

    async def _run_to_end(self, run: Attempt) -> None:
        try:
            outcome = await run.execute()
        finally:
            # The pipeline is free: the next question leaves before this answer gets its last form.
            self._in_flight.free_slot(run)
            self._signal.set()
        # Also after the question was given up: the next question meets the same cluster.
        again = self._tell_gate(run, outcome)
        if not self._in_flight.is_given_up(run):
            await self._settle(run, outcome, again=again)

    def _tell_gate(self, run: Attempt, outcome: Outcome) -> bool:
        """Tell the cluster's gate how an attempt ended; returns whether the question is to be asked again."""
        error, gate = outcome.error, self._lanes[run.cluster].gate
        if outcome.answer is None and isinstance(error, SchedulerError):
            request = run.request
            return gate.refused(request.request_id, error, elapsed=run.elapsed, attempts=request.attempts)
        complete = outcome.answer if outcome.finish else None
        took = run.elapsed if outcome.step is not None and outcome.step.was_asked else None
        gate.ended(complete.duration if complete is not None else took)
        return False

    async def _settle(self, run: Attempt, outcome: Outcome, *, again: bool) -> None:
        request, live, stop, error = run.request, run.live, outcome.stop, outcome.error
        cause, by = (stop.cause, stop.by) if stop is not None else (None, 0)
        if cause is StopCause.SHUTDOWN:
            await self.put_back(run)
            return
        if cause is StopCause.LOST:
            # Its messages belong to the process that has it, or has ended it.
            await self._live_answers.close(request.request_id)
            return
        if error is not None and again and cause is not StopCause.GONE:
            await self._keep_in_queue(run, error)
            return
        if outcome.step is not None and cause is None:
            await self._steps.take(run, outcome.step)
            return
        if cause is StopCause.GONE:
            await self._completion.cancel(request, None, by=0, used=run.used)
        elif outcome.answer is not None:
            await self._completion.finish(request, live, outcome.answer, by=by)
        elif error is not None:
            await self._completion.fail(request, live, error)
        else:
            await self._completion.cancel(request, live, by=by, used=run.used)
        await self._live_answers.close(request.request_id)

    async def _keep_in_queue(self, run: Attempt, error: BotError) -> None:
        """Put the question back at the head of the queue, because of ``error``."""
        log.warning(
            "question.kept",
            request_id=run.request.request_id,
            cluster=run.cluster,
            error=type(error).__name__,
            status=getattr(error, "status", None),
            code=getattr(error, "code", None),
            detail=str(error),
        )
        # Another cluster may take it at once: then nothing is said.
        wanted = run.request.question.wanted_cluster
        hold = self._gate.hold(wanted) if await self._release(run) else None
        if hold is not None:
            run.live.show_hold(hold)
        self._signal.set()

    @property
    def _has_others(self) -> bool:
        """Whether another process lives, which goes on with what this one leaves, and shows it."""
        return self._company is not None and self._company.has_others

    async def put_back(self, run: Attempt) -> None:
        """Let a question wait again, because this process ends. Raises :class:`StorageError`."""
        if self._has_others:
            # First, so that nothing is shown here once another process has it.
            await self._live_answers.close(run.request.request_id)
            await self._release(run)
            return
        if await self._release(run):
            run.live.show_hold(self._gate.hold() or RESTARTING)

    async def _release(self, run: Attempt) -> bool:
        """Put the question back; False when it has ended meanwhile, or another process has it: then its message is
        theirs to whom it belongs."""
        return await self._store.release(run.request.request_id, self._owner, now=self._clock.now())
