"""Whether the next question may leave, and if not, why and for how long."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from bot.clock import Clock
from bot.errors import ClusterBusy, SchedulerError, SchedulerNotReady, SchedulerUnreachable
from bot.inference import ClusterStatus
from bot.queueing.capacity import BackOff, CapacityLimit
from bot.queueing.estimate import ServiceTimes, estimate_wait
from bot.queueing.ports import LinePause
from bot.rendering import escape_inline
from bot.services.cluster import Availability, ClusterView, ClusterWatcher
from bot.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Hold:
    """Why the line does not move: a catalogue key with its parameters."""

    key: str
    params: tuple[tuple[str, object], ...] = ()


RESTARTING = Hold("held.restarting")


def hold_of(cluster: ClusterView, pause: LinePause | None, refusal: Hold | None) -> Hold | None:
    """Why no question may leave now, in the order of what a reader should know first; None when it moves.

    ``refusal`` is why the cluster took no question last time, as long as that is being waited out.
    """
    if pause is not None:
        return Hold("held.paused", (("reason", escape_inline(pause.reason)),))
    if cluster.availability is Availability.UNREACHABLE:
        return _unreachable(cluster.unreachable_since or 0)
    if cluster.availability is Availability.NO_MODEL:
        return Hold("held.no_model")
    if cluster.availability is Availability.STARTING:
        status = cluster.status
        if status is not None and status.init_nodes:
            return Hold("held.starting_nodes", (("ready", status.ready_nodes), ("wanted", status.init_nodes)))
        return Hold("held.starting")
    return refusal


def _unreachable(since: float) -> Hold:
    # Discord shows each reader this moment in their own time zone.
    return Hold("held.unreachable", (("since", f"<t:{int(since)}:t>"),))


def refusal_of(error: SchedulerError, now: float) -> Hold:
    """Why the cluster did not take a question, as seen ``now`` (epoch seconds)."""
    if isinstance(error, ClusterBusy):
        return Hold("held.busy")
    if isinstance(error, SchedulerUnreachable):
        return _unreachable(now)
    return Hold("held.starting") if isinstance(error, SchedulerNotReady) else Hold("held.node_failed")


class Gate:
    """Between the line and the cluster: holds, the capacity in force, back-off, waiting times."""

    def __init__(
        self,
        watcher: ClusterWatcher,
        capacity: CapacityLimit,
        back_off: BackOff,
        service_times: ServiceTimes,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._watcher = watcher
        self._capacity = capacity
        self._back_off = back_off
        self._service_times = service_times
        self._clock = clock
        self._metrics = metrics
        self.pause: LinePause | None = None
        # This process is about to end: nothing leaves any more, whatever the cluster says.
        self.restarting = False
        self._refusal: Hold | None = None
        watcher.subscribe(self._status_changed)

    @property
    def model(self) -> str | None:
        """The model the cluster is known to serve; None while that is not known any more."""
        status = self._current_status()
        return status.model if status is not None else None

    def hold(self) -> Hold | None:
        """Why no question may leave now; None when it may."""
        if self.restarting:
            return RESTARTING
        waiting = self._back_off.remaining(self._clock.monotonic()) > 0
        return hold_of(self._watcher.view(), self.pause, self._refusal if waiting else None)

    def limit(self) -> int:
        """How many questions may be in flight.

        One as long as the cluster's state is not known and no question proved that it works: enough to find out,
        too little to do harm. Then what is learned from the questions themselves.
        """
        view = self._watcher.view()
        if view.availability is Availability.UNKNOWN and not view.proven:
            return 1
        limit = self._capacity.limit(self._clock.monotonic())
        self._metrics.capacity.set(limit)
        return limit

    def retry_in(self) -> float | None:
        """Seconds until a back-off ends; None when there is none."""
        return self._back_off.remaining(self._clock.monotonic()) or None

    def began(self, waited: float, in_flight: int, held: int = 0) -> None:
        """An answer began ``waited`` seconds after its question was sent, with ``in_flight`` in flight, of which
        the scheduler is holding ``held`` back."""
        self._watcher.chat_succeeded()
        self._back_off.succeeded()
        self._capacity.succeeded(self._clock.monotonic(), in_flight=in_flight, waited=waited, held=held)

    def ended(self, duration: float | None) -> None:
        """A question that the cluster took has ended, so a slot is free again; ``duration`` in seconds of a
        complete answer. One that was refused frees none: :meth:`refused`."""
        self._back_off.slot_freed()
        if duration is not None:
            self._service_times.observe(duration)
            self._watcher.chat_completed()

    def refused(self, error: SchedulerError, *, elapsed: float) -> None:
        """The cluster did not take a question that was sent ``elapsed`` seconds ago."""
        now = self._clock.monotonic()
        self._refusal = refusal_of(error, self._clock.now())
        if isinstance(error, ClusterBusy):
            self._capacity.refused(now, sent_at=now - elapsed)
        self._back_off.refused(now, retry_after=error.retry_after, jitter=random.random())

    def failed(self, error: SchedulerError) -> None:
        """A question ended without a word of an answer."""
        self._watcher.chat_failed(error)

    def wait_for(self, place: int, running_elapsed: Sequence[float]) -> float | None:
        """Estimated seconds until the question at ``place`` is taken; None when nothing is known yet."""
        return estimate_wait(place, self.limit(), self._service_times.seconds, running_elapsed)

    def _status_changed(self) -> None:
        status = self._current_status()
        self._capacity.status(status.capacity if status is not None else None)
        self._back_off.status_changed()

    def _current_status(self) -> ClusterStatus | None:
        view = self._watcher.view()
        return None if view.availability is Availability.UNKNOWN else view.status
