"""Drains the line: claims in fair order, never more than the cluster can take, and sees every answer through."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import structlog

from bot.clock import Clock
from bot.errors import BotError, ClusterBusy, Draining, SchedulerError, SchedulerNotReady, SchedulerUnreachable
from bot.queueing.ports import LinePause, RequestStore
from bot.queueing.request import OPEN_STATES, RequestState, StoredRequest
from bot.services.admission import Gate
from bot.services.answering import Answering, AnswerRun, Outcome, Stop, StopCause
from bot.services.background import Background
from bot.services.closing import Closing
from bot.services.desk import AnswerDesk, LiveAnswer
from bot.services.line import LineKeeper
from bot.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

# A cluster that fails a question before its first word gets it this many times in all.
MAX_ATTEMPTS = 2

# Several free slots are filled together, up to this many at a time.
CLAIMS_AT_ONCE = 4

# A free pipeline takes a question within 0.1 s (parallax-api.md, "Load"): seconds after which it is being held.
HELD_AFTER = 0.5

# How long the messages may take at shutdown to say that their questions are kept: an edit's longest wait for its
# slot (2 s through an interaction) and a second.
LAST_WORDS = 3.0

# So many messages of a line that was cleared are brought to their last form at a time.
CLEARED_AT_ONCE = 20

# Deletions of messages we do not know (yet) that are remembered.
DELETED_KEPT = 256


@dataclass(frozen=True, slots=True)
class DispatchPolicy:
    """``owner`` names this process. Seconds: ``lease`` is how long a crashed process keeps its questions,
    ``question_ttl`` how long one may wait, ``expiry_every`` how often that is looked at."""

    owner: str
    lease: float = 30.0
    question_ttl: float = 86_400.0
    expiry_every: float = 30.0


class Dispatcher:
    """The only one that sends questions to the cluster."""

    def __init__(
        self,
        *,
        store: RequestStore,
        desk: AnswerDesk,
        gate: Gate,
        answering: Answering,
        closing: Closing,
        line: LineKeeper,
        background: Background,
        clock: Clock,
        metrics: Metrics,
        policy: DispatchPolicy,
    ) -> None:
        self._store = store
        self._desk = desk
        self._gate = gate
        self._answering = answering
        self._closing = closing
        self._line = line
        self._background = background
        self._clock = clock
        self._metrics = metrics
        self._policy = policy
        self._running: dict[str, AnswerRun] = {}
        self._surrendered: set[str] = set()
        self._wake = asyncio.Event()
        self._draining = False
        # A message may be deleted before its id is kept: whoever attaches it later looks here.
        self._deleted: deque[int] = deque(maxlen=DELETED_KEPT)
        desk.on_gone = self.message_gone
        desk.on_attached = self._attached

    @property
    def running(self) -> int:
        """Questions in flight, those that were withdrawn but still held by the scheduler included."""
        return len(self._running)

    @property
    def _held(self) -> int:
        """How many wait at the scheduler for a pipeline, by the time they have waited there."""
        return sum(not run.withdrawable and run.elapsed > HELD_AFTER for run in self._running.values())

    @property
    def elapsed(self) -> tuple[float, ...]:
        """How long each question in flight has run, in seconds."""
        return tuple(run.elapsed for run in self._running.values())

    async def is_idle(self) -> bool:
        """Whether nothing runs or waits, and a question would be taken."""
        counts = await self._store.counts()
        busy = self._draining or self._running or counts[RequestState.QUEUED] or counts[RequestState.RUNNING]
        return not busy and self._gate.hold() is None

    def require_open(self) -> None:
        """Raise :class:`Draining` when no further question is taken."""
        if self._draining:
            raise Draining

    def pause_changed(self, pause: LinePause | None) -> None:
        """Operators hold the line, or released it."""
        self._gate.pause = pause
        self.wake()

    async def refresh_pause(self) -> None:
        """Another process may have held the line, or released it. Raises :class:`StorageError`."""
        pause = await self._store.paused()
        if pause != self._gate.pause:
            self.pause_changed(pause)

    def wake(self) -> None:
        """Something changed: a question came, a slot is free, the cluster reported."""
        self._wake.set()

    async def taken(self, live: LiveAnswer) -> None:
        """A question is in the line: decide what its acknowledgement says, and go."""
        self.wake()
        place = await self._store.place(live.question.request_id)
        if place is None or live.question.request_id in self._running:
            return
        if self._gate.hold() is None and place <= self._gate.limit() - self.running:
            live.view.asked(self._gate.model)
        else:
            self._line.place(live, place)

    async def recover(self) -> None:
        """Take back what a process before us left behind. What waits is shown again by the line's keeper."""
        recovered = await self._store.recover(self._policy.owner, now=self._clock.now(), alone=True)
        for request in recovered.undelivered:
            live = self._desk.reopen(request)
            if request.answer is not None:
                await self._closing.show_answer(request, live, request.answer)
            live.show()
            self._background.spawn(self._deliver(request, live), name=f"deliver-{request.request_id}")
        if recovered.requeued or recovered.undelivered:
            log.info("line.recovered", requeued=recovered.requeued, undelivered=len(recovered.undelivered))
        self._line.changed()
        self.wake()

    async def run(self) -> None:
        """Drain the line until cancelled."""
        while True:
            retry_in = await self._dispatch()
            self._line.changed()
            await self._woken(retry_in)

    async def keep_leases(self) -> None:
        """Renew the leases of what runs here, until cancelled."""
        while True:
            await self._clock.sleep(self._policy.lease / 3)
            await self._store.renew(self._policy.owner, now=self._clock.now(), lease=self._policy.lease)
            await self.refresh_pause()

    async def expire_old(self) -> None:
        """End questions that waited longer than they may, until cancelled."""
        while True:
            await self._clock.sleep(self._policy.expiry_every)
            now = self._clock.now()
            for request in await self._store.expire(before=now - self._policy.question_ttl, now=now):
                live = self._desk.reopen(request)
                await self._closing.expired(request, live, waited=now - request.question.asked_at)
                await self._desk.close(request.request_id)

    async def stop(self, request_id: str, *, by: int) -> bool:
        """Stop or withdraw a question for a person; False when it has already ended."""
        run = self._running.get(request_id)
        if run is not None:
            await self._end_run(run, Stop(StopCause.PERSON, by))
            return True
        request = await self._store.get(request_id)
        if request is None or request.state is not RequestState.QUEUED:
            # Its last form is on its way, or it has that already.
            return False
        live = self._desk.reopen(request)
        done = await self._closing.cancelled(request, live, by=by)
        if done:
            await self._desk.close(request_id)
        self.wake()
        return done

    async def clear(self, *, by: int) -> int:
        """Withdraw everything that waits, in one transaction; returns how much. The messages say so afterwards."""
        cleared = await self._closing.cleared(by=by)
        unsaid = iter(cleared)
        for number in range(min(len(cleared), CLEARED_AT_ONCE)):
            self._background.spawn(self._say_cleared(unsaid, by), name=f"cleared-{number}")
        self.wake()
        return len(cleared)

    async def _say_cleared(self, unsaid: Iterator[StoredRequest], by: int) -> None:
        for request in unsaid:
            await self._closing.show_cancelled(request, self._desk.reopen(request), by=by)
            await self._desk.close(request.request_id)

    async def withdraw(self, request_id: str, *, by: int) -> None:
        """End a question whose asker wants no answer to it any more: nothing of one is kept."""
        run = self._running.get(request_id)
        if run is None:
            await self.stop(request_id, by=by)
            return
        run.stop(Stop(StopCause.PERSON, by))
        self._surrendered.add(request_id)
        await self._closing.cancelled(run.request, run.live, by=by)
        await self._desk.close(request_id)

    async def message_deleted(self, message_id: int) -> None:
        """A message was deleted in Discord; when it belongs to an answer, the answer ends."""
        self._deleted.append(message_id)
        request = await self._store.by_message(message_id)
        if request is None or request.state not in OPEN_STATES:
            return
        live = self._desk.get(request.request_id)
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
        self._draining = True
        self._line.held_by_restart()
        deadline = self._clock.monotonic() + grace
        while self._running and (left := deadline - self._clock.monotonic()) > 0:
            await self._woken(left)
        for run in list(self._running.values()):
            run.stop(Stop(StopCause.SHUTDOWN))
            self._surrendered.add(run.request.request_id)
            await self._put_back(run)
        await self._desk.settled(LAST_WORDS)

    def interrupt(self) -> int:
        """Put everything that runs back at the head of the line, to be asked again; returns how much that was.

        For a line that is held: otherwise the questions leave again at once.
        """
        runs = list(self._running.values())
        for run in runs:
            run.stop(Stop(StopCause.SHUTDOWN))
        return len(runs)

    async def _dispatch(self) -> float | None:
        """Start what may start; returns after how many seconds to look again even if nothing happens."""
        while not self._draining and self._gate.hold() is None:
            free = self._gate.limit() - self.running
            if free <= 0 or not await self._claim(min(free, CLAIMS_AT_ONCE)):
                break
        self._metrics.running.set(self.running)
        return self._gate.retry_in()

    async def _claim(self, wanted: int) -> bool:
        """Start up to ``wanted`` questions; False when there were not so many."""
        now, lease = self._clock.now(), self._policy.lease
        # Together: in a burst each wait for the database is as long as the burst makes it.
        claims = (self._store.claim(self._policy.owner, now=now, lease=lease) for _ in range(wanted))
        results = await asyncio.gather(*claims, return_exceptions=True)
        for result in results:
            if isinstance(result, StoredRequest):
                self._start(result)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return all(result is not None for result in results)

    def _start(self, request: StoredRequest) -> None:
        live = self._desk.reopen(request)
        run = self._answering.run(
            request,
            live,
            model=self._gate.model,
            on_started=lambda waited: self._gate.began(waited, self.running, self._held),
        )
        self._running[request.request_id] = run
        self._line.left(request.request_id)
        self._background.spawn(self._carry(run), name=f"answer-{request.request_id}")

    async def _carry(self, run: AnswerRun) -> None:
        request_id = run.request.request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            outcome = await run.execute()
        except Exception:
            # A bug of ours, logged by whoever holds this task: the asker must not wait for ever.
            await self._closing.failed(run.request, run.live, BotError("a bug while answering"))
            await self._desk.close(request_id)
            raise
        finally:
            # The pipeline is free: the next question leaves before this answer is brought to its last form.
            del self._running[request_id]
            self.wake()
        self._gate.ended(outcome.answer.duration if outcome.finish and outcome.answer else None)
        if request_id in self._surrendered:
            self._surrendered.discard(request_id)
            return
        await self._settle(run, outcome)
        # What the same person asked next in this channel may be taken now.
        self.wake()

    async def _settle(self, run: AnswerRun, outcome: Outcome) -> None:
        request, live = run.request, run.live
        if outcome.stop is not None and outcome.stop.cause is StopCause.SHUTDOWN:
            await self._put_back(run)
            return
        if outcome.stop is not None and outcome.stop.cause is StopCause.GONE:
            await self._closing.cancelled(request, None, by=0)
        elif outcome.error is not None:
            if await self._kept_in_line(run, outcome.error, has_text=outcome.answer is not None):
                return
            if outcome.answer is not None:
                await self._closing.answered(request, live, outcome.answer)
            else:
                await self._closing.failed(request, live, outcome.error)
        elif outcome.answer is None:
            await self._closing.cancelled(request, live, by=outcome.stop.by if outcome.stop else 0)
        else:
            by = outcome.stop.by if outcome.stop else 0
            await self._closing.answered(request, live, outcome.answer, by=by)
        await self._desk.close(request.request_id)

    async def _kept_in_line(self, run: AnswerRun, error: Exception, *, has_text: bool) -> bool:
        """Whether the question goes back to the head of its line instead of ending here."""
        if has_text or not isinstance(error, SchedulerError):
            return False
        self._gate.failed(error)
        kept = isinstance(error, ClusterBusy | SchedulerNotReady | SchedulerUnreachable)
        again = kept or (error.retryable and run.request.attempts < MAX_ATTEMPTS)
        if not again:
            return False
        self._gate.refused(error, elapsed=run.elapsed)
        log.warning(
            "question.kept",
            request_id=run.request.request_id,
            error=type(error).__name__,
            status=error.status,
            code=error.code,
            detail=str(error),
        )
        await self._store.release(run.request.request_id, self._policy.owner, now=self._clock.now())
        hold = self._gate.hold()
        if hold is not None:
            run.live.view.held(hold.key, **dict(hold.params))
            run.live.show()
        self.wake()
        return True

    async def _put_back(self, run: AnswerRun) -> None:
        await self._store.release(run.request.request_id, self._policy.owner, now=self._clock.now())
        hold = None if self._draining else self._gate.hold()
        if hold is None:
            run.live.view.held("held.restarting")
        else:
            run.live.view.held(hold.key, **dict(hold.params))
        run.live.show()

    async def _end_run(self, run: AnswerRun, stop: Stop) -> None:
        run.stop(stop)
        if run.withdrawable:
            return
        # The scheduler holds it and cannot be told: it ends for its asker now, and keeps its slot in our count
        # until it surfaces there.
        request_id = run.request.request_id
        self._surrendered.add(request_id)
        live = run.live if stop.cause is StopCause.PERSON else None
        if live is not None and (kept := run.kept()) is not None:
            # It was being asked for again after a break: what people have read stays.
            await self._closing.answered(run.request, live, kept, by=stop.by)
        else:
            await self._closing.cancelled(run.request, live, by=stop.by)
        await self._desk.close(request_id)

    async def _forget(self, request_id: str) -> None:
        run = self._running.get(request_id)
        if run is not None:
            await self._end_run(run, Stop(StopCause.GONE))
            return
        request = await self._store.get(request_id)
        if request is not None and await self._closing.cancelled(request, None, by=0):
            log.info("question.message_deleted", request_id=request_id)
            await self._desk.close(request_id)
            self.wake()

    async def _deliver(self, request: StoredRequest, live: LiveAnswer) -> None:
        await self._closing.deliver(request, live)
        await self._desk.close(request.request_id)

    async def _woken(self, timeout: float | None) -> None:
        waits: set[asyncio.Future[object]] = {asyncio.ensure_future(self._wake.wait())}
        if timeout is not None:
            waits.add(asyncio.ensure_future(self._clock.sleep(timeout)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self._wake.clear()
