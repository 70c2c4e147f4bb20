"""How many questions may be in flight, and how long the next ones wait."""

from __future__ import annotations

from bot.clock import Clock
from bot.domain.queue.capacity import CapacityLimit
from bot.domain.queue.estimate import ServiceTimes, estimate_wait
from bot.domain.status import ClusterStatus
from bot.services.cluster.monitor import Availability, ClusterMonitor
from bot.services.queue.in_flight import InFlight
from bot.telemetry.metrics import Metrics


class Slots:
    """Counts the cluster's slots for questions, as it reports them or as questions themselves show."""

    def __init__(
        self,
        monitor: ClusterMonitor,
        in_flight: InFlight,
        capacity: CapacityLimit,
        service_times: ServiceTimes,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._monitor = monitor
        self._in_flight = in_flight
        self._capacity = capacity
        self._service_times = service_times
        self._clock = clock
        self._metrics = metrics

    @property
    def status(self) -> ClusterStatus | None:
        """The newest report of the cluster; None while its state is unknown."""
        view = self._monitor.view()
        return None if view.availability is Availability.UNKNOWN else view.status

    @property
    def model(self) -> str | None:
        """The model the cluster is known to serve; None while that is unknown."""
        status = self.status
        return status.model if status is not None else None

    @property
    def capacity(self) -> int:
        """How many slots are known of, in any state of the cluster."""
        return self._capacity.limit(self._clock.monotonic())

    def limit(self) -> int:
        """How many questions may be in flight: one, to find out, while the cluster's state is unknown and no
        question proved that it works; otherwise what is reported or learned."""
        view = self._monitor.view()
        if view.availability is Availability.UNKNOWN and not view.proven:
            return 1
        limit = self.capacity
        self._metrics.capacity.set(limit)
        return limit

    def free(self) -> int:
        """How many more questions may be sent; 0 or less for none."""
        return self.limit() - self._in_flight.running

    def wait_for(self, position: int) -> float | None:
        """Estimated seconds until the question at ``position`` is taken; None when nothing is known yet."""
        return estimate_wait(position, self.limit(), self._service_times.seconds, self._in_flight.elapsed)

    def read_status(self) -> None:
        """Take over the capacity in the newest report."""
        status = self.status
        self._capacity.status(status.capacity if status is not None else None)

    def began(self, waited: float) -> None:
        """Learn from a question that a pipeline took ``waited`` seconds after it was sent."""
        self._capacity.succeeded(
            self._clock.monotonic(),
            in_flight=self._in_flight.running,
            waited=waited,
            held=self._in_flight.unstarted,
        )

    def refused(self, elapsed: float) -> None:
        """Learn from a question that was refused for want of a slot ``elapsed`` seconds after it was sent."""
        now = self._clock.monotonic()
        self._capacity.refused(now, sent_at=now - elapsed)

    def completed(self, duration: float) -> None:
        """Learn from a complete answer that took ``duration`` seconds."""
        self._service_times.observe(duration)
