"""Claims questions in fair order, never more than the cluster takes, and runs each one to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial

import structlog

from bot.clock import Clock
from bot.domain.queue.hold import RESTARTING
from bot.domain.queue.request import StoredRequest
from bot.domain.queue.store import RequestStore
from bot.errors import BotError, SchedulerError
from bot.services.answers.attempt import Attempt, Outcome, Stop, StopCause
from bot.services.answers.completion import Completion
from bot.services.answers.live import LiveAnswers
from bot.services.answers.passing import attempt_at
from bot.services.queue.company import Company
from bot.services.queue.gate import Gate
from bot.services.queue.heartbeat import Heartbeat
from bot.services.queue.in_flight import InFlight, Loss
from bot.services.queue.lane import Lane
from bot.services.queue.next_steps import NextSteps
from bot.services.queue.positions import PositionUpdater
from bot.services.queue.signal import QueueSignal
from bot.services.queue.slots import AllSlots
from bot.tasks.background import Background
from bot.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

# Several free slots are filled together, up to this many at a time.
CLAIMS_AT_ONCE = 4

# Seconds that the messages may take at shutdown to say that their questions are kept: an edit's longest wait for
# its slot (2 s through an interaction) and one more.
LAST_EDITS = 3.0

_Claim = tuple[str, Callable[[], Awaitable[StoredRequest | None]]]
"""A cluster, and what claims a question for it."""


class Dispatcher:
    """Claims waiting questions, sends them to the cluster and commits how each attempt ended."""

    def __init__(
        self,
        *,
        store: RequestStore,
        live_answers: LiveAnswers,
        gate: Gate,
        lanes: Sequence[Lane],
        slots: AllSlots,
        completion: Completion,
        positions: PositionUpdater,
        heartbeat: Heartbeat,
        in_flight: InFlight,
        signal: QueueSignal,
        background: Background,
        clock: Clock,
        metrics: Metrics,
        steps: NextSteps,
        company: Company | None = None,
    ) -> None:
        """``lanes`` lead to each cluster, at least one. ``company`` None: no other process uses the queue."""
        self._company = company
        self._store = store
        self._live_answers = live_answers
        self._gate = gate
        self._lanes = {lane.place.cluster: lane for lane in lanes}
        self._slots = slots
        self._completion = completion
        self._positions = positions
        self._heartbeat = heartbeat
        self._in_flight = in_flight
        self._signal = signal
        self._background = background
        self._clock = clock
        self._metrics = metrics
        self._steps = steps

    async def run(self) -> None:
        """Recover what other processes left behind, then drain the queue until cancelled. Raises
        :class:`StorageError`."""
        # First, because earlier questions go before new ones.
        await self._heartbeat.recover()
        while True:
            retry_in = await self._dispatch()
            self._positions.changed()
            await self._signal.wait(retry_in)

    async def drain(self, grace: float) -> None:
        """Stop taking questions, let running answers finish for ``grace`` seconds, put the rest back. Other
        processes go on with what waits, if there are any."""
        self._gate.restart()
        if self._has_others and self._company is not None:
            await self._company.retire()
        else:
            self._positions.show_restart()
        deadline = self._clock.monotonic() + grace
        while self._in_flight.running and (left := deadline - self._clock.monotonic()) > 0:
            await self._signal.wait(left)
        for run in self._in_flight.runs:
            run.stop(Stop(StopCause.SHUTDOWN))
            try:
                with self._in_flight.give_up(run):
                    await self._put_back(run)
            except BotError as error:
                # The next start takes it back. The other questions must still be put back.
                log.warning("question.not_put_back", request_id=run.request.request_id, detail=str(error))
        if not self._has_others:
            await self._live_answers.settled(LAST_EDITS)

    def interrupt(self, cluster: str) -> int:
        """Put everything that runs at a cluster, which must be held, back at the head of the queue; returns how
        many."""
        runs = self._in_flight.at(cluster)
        for run in runs:
            run.stop(Stop(StopCause.SHUTDOWN))
        return len(runs)

    async def _dispatch(self) -> float | None:
        """Start what may start; returns after how many seconds to look again even if nothing happens."""
        lanes = list(self._lanes.values())
        while picks := _picked({lane.place.cluster: lane.gate.room() for lane in lanes}):
            idle = await self._claim(picks)
            lanes = [lane for lane in lanes if lane.place.cluster not in idle or lane.gate.nothing_else()]
        for lane in self._lanes.values():
            lane.slots.dispatched(is_open=lane.gate.hold() is None)
        self._slots.limit()
        self._metrics.running.set(self._in_flight.running)
        self._metrics.held.set(self._gate.hold() is not None)
        return min(
            (wait for lane in self._lanes.values() if (wait := lane.gate.retry_in()) is not None), default=None
        )

    async def _claim(self, picks: Sequence[tuple[str, int]]) -> set[str]:
        """Start one question for each of ``picks``: a cluster, and how many of its slots other processes must not
        use. Returns the clusters for which nothing more may start."""
        owner, lease = self._heartbeat.owner, self._heartbeat.seconds
        # Alone, it takes also what a process that is gone was about to acknowledge.
        beginning = self._live_answers.beginning if self._has_others else None
        async with self._in_flight.claiming:
            with ExitStack() as stack:
                excluded = {
                    cluster: stack.enter_context(self._lanes[cluster].gate.claiming())
                    for cluster in dict.fromkeys(cluster for cluster, _ in picks)
                }
                claims = [
                    (
                        cluster,
                        partial(
                            self._store.claim,
                            owner,
                            now=self._clock.now,
                            lease=lease,
                            room=room,
                            excluding=excluded[cluster],
                            beginning=beginning,
                            place=self._lanes[cluster].place,
                        ),
                    )
                    for cluster, room in picks
                ]
                idle: set[str] = set()
                async for cluster, request in (_together if self._company is None else _one_by_one)(claims):
                    if request is None:
                        idle.add(cluster)
                    else:
                        self._start(request, self._lanes[cluster])
                return idle

    def _start(self, request: StoredRequest, lane: Lane) -> None:
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
            await self._put_back(run)
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

    async def _put_back(self, run: Attempt) -> None:
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
        return await self._store.release(run.request.request_id, self._heartbeat.owner, now=self._clock.now())


def _picked(rooms: Mapping[str, int]) -> list[tuple[str, int]]:
    """Up to :data:`CLAIMS_AT_ONCE` clusters to start a question at, each with its free slots then: whichever has
    most of them, so that the questions are spread. ``rooms`` are the free slots of each."""
    free = dict(rooms)
    picks: list[tuple[str, int]] = []
    while free and len(picks) < CLAIMS_AT_ONCE:
        cluster = max(free, key=free.__getitem__)
        if free[cluster] <= 0:
            break
        picks.append((cluster, free[cluster]))
        free[cluster] -= 1
    return picks


async def _together(claims: Sequence[_Claim]) -> AsyncIterator[tuple[str, StoredRequest | None]]:
    """Claim all at once, because in a burst each claim waits long for the database. Raises after what was
    claimed."""
    results = await asyncio.gather(*(claim() for _, claim in claims), return_exceptions=True)
    for (cluster, _), result in zip(claims, results, strict=True):
        if not isinstance(result, BaseException):
            yield cluster, result
    for result in results:
        if isinstance(result, BaseException):
            raise result


async def _one_by_one(claims: Sequence[_Claim]) -> AsyncIterator[tuple[str, StoredRequest | None]]:
    """Claim one after the other, for each cluster until there is nothing: what each leaves to other processes is
    counted from those before it, and a shared database may commit them in any order."""
    idle: set[str] = set()
    for cluster, claim in claims:
        if cluster not in idle:
            request = await claim()
            if request is None:
                idle.add(cluster)
            yield cluster, request
