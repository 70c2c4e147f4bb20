"""Whether the next question may be sent to one cluster, and if not, why and for how long."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import structlog

from bot.clock import Clock, woken
from bot.domain.queue.back_off import BackOff
from bot.domain.queue.breaker import Breaker, Failure
from bot.domain.queue.hold import RESTARTING, Hold
from bot.domain.queue.store import QueuePause
from bot.domain.status import ClusterStatus
from bot.errors import (
    ClusterBusy,
    KeyWanted,
    NoAnswer,
    RequestRefused,
    SchedulerError,
    SchedulerNotReady,
    SchedulerUnreachable,
)
from bot.presentation.page import escape_inline
from bot.services.cluster.monitor import Availability, ClusterMonitor, ClusterView
from bot.services.queue.slots import Slots
from bot.services.queue.stops import Stops

log = structlog.get_logger(__name__)

# A report equal to the one before wakes nobody, but it may show room. While that would end a wait, the newest
# report is read again after so many seconds.
LOOK_AGAIN = 1.0

NO_ANSWER_ATTEMPTS = 2
"""How often a question is asked that ends without a word."""


def hold_of(cluster: ClusterView, pause: QueuePause | None, refusal: Hold | None) -> Hold | None:
    """Why no question may leave now, the most important reason first; None when the queue moves. ``refusal`` is
    why the cluster took no question last time, while the bot backs off."""
    if pause is not None:
        return Hold("held.paused", (("reason", escape_inline(pause.reason)),))
    if cluster.availability is Availability.UNREACHABLE:
        return WANTS_KEY if cluster.wants_key else _unreachable(cluster.unreachable_since or 0)
    if cluster.availability is Availability.NO_MODEL:
        return Hold("held.no_model")
    if cluster.fault is not None:
        return Hold(f"held.{cluster.fault.value}")
    if cluster.availability is Availability.STARTING and not cluster.refuted:
        status = cluster.status
        if status is not None and status.init_nodes and status.ready_nodes < status.init_nodes:
            return Hold("held.starting_nodes", (("ready", status.ready_nodes), ("wanted", status.init_nodes)))
        return Hold("held.starting")
    return refusal


WANTS_KEY = Hold("held.wants_key")


def _unreachable(since: float) -> Hold:
    # Discord shows each reader this moment in their own time zone.
    return Hold("held.unreachable", (("since", f"<t:{int(since)}:t>"),))


def refusal_of(error: SchedulerError, now: float) -> Hold:
    """Why the cluster did not take a question, as seen ``now`` (epoch seconds)."""
    if isinstance(error, ClusterBusy):
        return Hold("held.busy")
    if isinstance(error, SchedulerUnreachable):
        return WANTS_KEY if isinstance(error, KeyWanted) else _unreachable(now)
    return Hold("held.starting") if isinstance(error, SchedulerNotReady) else Hold("held.node_failed")


class ClusterGate:
    """Decides whether a question may be sent to one cluster: pause, restart, free slots, back-off, breaker."""

    def __init__(
        self,
        *,
        cluster: str,
        stops: Stops,
        monitor: ClusterMonitor,
        slots: Slots,
        back_off: BackOff,
        breaker: Breaker,
        clock: Clock,
    ) -> None:
        """``cluster`` is the cluster's name, ``stops`` what people and the end of this process hold."""
        monitor.subscribe(self._status_changed)
        self._cluster = cluster
        self._stops = stops
        self._monitor = monitor
        self._slots = slots
        self._back_off = back_off
        self._breaker = breaker
        self._clock = clock
        self._refusal: Hold | None = None
        self._failure: Hold | None = None
        self._refused_at = float("-inf")
        self._told: tuple[ClusterStatus | None, bool] = (None, True)
        self._sent: set[str] = set()
        self._repeats: list[str] = []
        self._claiming = False
        self._changed = asyncio.Event()

    def hold(self) -> Hold | None:
        """Why the queue does not move; None when it does. While the cluster fails questions, one at a time may
        leave nevertheless (:meth:`room`)."""
        return self._closed() or (self._failure if self._breaker.is_open else None)

    def room(self) -> int:
        """How many questions may leave the queue now; 0 or less for none."""
        if self._stops.is_restarting or self._closed() is not None:
            return 0
        free = self._slots.free()
        if not self._breaker.is_open:
            return free
        # Answers that broke off and wait to be asked for again go before everything in the queue.
        return min(1, free) if self._may_probe() and not self._repeats else 0

    @contextmanager
    def claiming(self) -> Iterator[Collection[str]]:
        """Let nothing else become the probe inside this block, which claims questions. Yields the ids of those
        that must not be claimed."""
        self._claiming = True
        try:
            yield self._breaker.set_aside(self._clock.monotonic())
        finally:
            self._claiming = False

    def nothing_else(self) -> bool:
        """Release the questions that were set aside, because nothing else waits; returns whether there were
        any."""
        return self._breaker.nothing_else()

    def retry_in(self) -> float | None:
        """Seconds until a question may leave that may not leave now; None when time alone changes nothing."""
        now, room = self._clock.monotonic(), self._shows_room()
        waits = [
            min(left, max(LOOK_AGAIN, policy.remaining(now, room=True)))
            for policy in (self._back_off, self._breaker)
            if (left := policy.remaining(now, room=room))
        ]
        if (due := self._breaker.next_due(now)) is not None:
            waits.append(due)
        return min(waits, default=None)

    def unpaused(self) -> None:
        """End every back-off: an operator let the queue, or this cluster, go on."""
        self._back_off.resumed()
        self._breaker.resumed()

    def stops_changed(self) -> None:
        """Look again: a pause began or ended."""
        self._changed.set()

    def sent(self, request_id: str) -> None:
        """Note that this question was sent: it is in flight until :meth:`left`."""
        self._sent.add(request_id)
        self._breaker.sent(request_id)

    def left(self, request_id: str) -> None:
        """Note that this question is not in flight any more, however it ended."""
        self._sent.discard(request_id)
        self._breaker.left(request_id)
        self._changed.set()

    async def readmitted(self, request_id: str, *, until: float) -> bool:
        """Wait until a question in flight whose answer broke off may be asked again: while nothing holds the
        queue, and never more than the cluster takes. False when that is not so ``until`` then (monotonic seconds),
        or when the scheduler does not answer.

        The dispatcher still counts it as running, so nothing from the queue overtakes it. The longest waiting goes
        first.
        """
        self.left(request_id)
        self._repeats.append(request_id)
        try:
            while not self._may_repeat(request_id):
                left = until - self._clock.monotonic()
                if left <= 0 or self._monitor.view().availability is Availability.UNREACHABLE:
                    return False
                self._changed.clear()
                await woken(self._changed, self._clock, min(left, self.retry_in() or left))
            self.sent(request_id)
            return True
        finally:
            self._repeats.remove(request_id)
            self._changed.set()

    def began(self, waited: float) -> None:
        """Note that a pipeline took a question ``waited`` seconds after it was sent. Its node may still fail it
        (recording 84); that it works is noted by :meth:`worked`."""
        self._monitor.chat_succeeded()
        self._back_off.succeeded()
        self._slots.began(waited)

    def worked(self, request_id: str) -> None:
        """Note that the cluster sent a first piece of an answer, or its end."""
        recovered = self._breaker.succeeded(request_id)
        if recovered:
            log.info("cluster.answers_again", request_id=request_id)
            self._changed.set()
        self._monitor.chat_worked(recovered=recovered)

    def ended(self, duration: float | None) -> None:
        """Note that a question which the cluster took has ended, so a slot is free; ``duration`` in seconds of a
        complete answer, None of any other. One that was refused frees no slot: :meth:`refused`."""
        self._back_off.slot_freed()
        self._changed.set()
        if duration is not None:
            self._slots.completed(duration)
            self._monitor.chat_completed()

    def refused(self, request_id: str, error: SchedulerError, *, elapsed: float, attempts: int) -> bool:
        """Note that a question sent ``elapsed`` seconds ago ended without a word of an answer, after ``attempts``
        attempts. Returns whether it is kept, to be asked again."""
        self.left(request_id)
        now, jitter = self._clock.monotonic(), random.random()
        if isinstance(error, ClusterBusy):
            self._refusal, self._refused_at = refusal_of(error, self._clock.now()), self._clock.now()
            self._slots.refused(elapsed)
            self._back_off.refused(now, retry_after=error.retry_after, jitter=jitter)
            self._monitor.chat_failed(error)
            return True
        if isinstance(error, NoAnswer):
            # The cluster works. Another attempt may begin with another token.
            self.worked(request_id)
            self.ended(None)
            return attempts < NO_ANSWER_ATTEMPTS
        is_kept = isinstance(error, SchedulerNotReady | SchedulerUnreachable)
        if not (is_kept or error.retryable):
            self._monitor.chat_failed(error)
            if isinstance(error, RequestRefused):
                # The cluster read the question, so it works.
                self.worked(request_id)
            self.ended(None)
            return False
        return self._failed(request_id, error, now, jitter, blames=not is_kept)

    def _failed(self, request_id: str, error: SchedulerError, now: float, jitter: float, *, blames: bool) -> bool:
        """Note a failure that may be the cluster's; returns whether the question is kept."""
        was_open = self._breaker.is_open
        failure = self._breaker.failed(
            request_id, now, retry_after=error.retry_after, jitter=jitter, blames=blames
        )
        if failure is Failure.QUESTION:
            log.warning("question.fails_always", request_id=request_id, code=error.code, detail=str(error))
            self.ended(None)
            return False
        if failure is Failure.CLUSTER:
            reason, self._refused_at = refusal_of(error, self._clock.now()), self._clock.now()
            if not was_open or self._failure is None or reason.key != self._failure.key:
                self._failure = reason
            if not was_open:
                log.warning("cluster.fails_questions", request_id=request_id, code=error.code, detail=str(error))
            self._monitor.chat_failed(error)
        return True

    def _closed(self) -> Hold | None:
        """Why nothing may leave now, not even a probe."""
        if self._stops.is_over:
            return RESTARTING
        waits = self._back_off.remaining(self._clock.monotonic(), room=self._shows_room()) > 0
        return hold_of(self._monitor.view(), self._stops.pause_of(self._cluster), self._refusal if waits else None)

    def _may_probe(self) -> bool:
        now = self._clock.monotonic()
        waits = self._breaker.remaining(now, room=self._shows_room()) > 0
        return not (waits or self._breaker.is_probing or self._claiming)

    def _may_repeat(self, request_id: str) -> bool:
        if self._stops.is_restarting or self._closed() is not None:
            return False
        before = self._repeats.index(request_id)
        if self._breaker.is_open:
            return before == 0 and self._may_probe()
        return before < self._slots.limit() - len(self._sent)

    def _shows_room(self) -> bool:
        """Whether a report since the last refusal says that more can run than are in flight here."""
        view, status = self._monitor.view(), self._slots.status
        if status is None or status.capacity is None or not status.usable:
            return False
        if view.received_at is None or view.received_at <= self._refused_at:
            return False
        return len(self._sent) < self._slots.capacity

    def _status_changed(self) -> None:
        view = self._monitor.view()
        self._slots.read_status()
        told = (view.status, view.availability in {Availability.UNKNOWN, Availability.UNREACHABLE})
        if told != self._told:
            # Only what the cluster reports ends a back-off, not what questions showed of it.
            self._told = told
            self._back_off.status_changed()
            self._breaker.cluster_changed()
        self._changed.set()
