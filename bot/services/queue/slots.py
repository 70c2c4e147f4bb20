"""How many questions may be in flight, and how long the next ones wait."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bot.clock import Clock
from bot.domain.queue.capacity import CapacityLimit
from bot.domain.queue.estimate import Throughput
from bot.domain.status import ClusterStatus
from bot.services.cluster.monitor import Availability, ClusterMonitor
from bot.services.queue.in_flight import InFlight
from bot.telemetry.metrics import Metrics

# One after the other, so many questions at the head of the queue are given to the cluster that is ready first.
# Those behind them share the clusters by their speeds.
DEALT = 32


class Slots:
    """Counts one cluster's slots for questions, as it reports them or as questions themselves show."""

    def __init__(
        self,
        cluster: str,
        monitor: ClusterMonitor,
        in_flight: InFlight,
        capacity: CapacityLimit,
        throughput: Throughput,
        clock: Clock,
    ) -> None:
        self.cluster = cluster
        self._monitor = monitor
        self._in_flight = in_flight
        self._capacity = capacity
        self._throughput = throughput
        self._clock = clock

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
        return self.capacity

    def free(self) -> int:
        """How many more questions may be sent; 0 or less for none."""
        return self.limit() - self.running

    @property
    def running(self) -> int:
        """How many slots this process uses, those of withdrawn questions that the scheduler still holds
        included."""
        return len(self._in_flight.at(self.cluster))

    def wait_for(self, position: int) -> float | None:
        """Estimated seconds until a pipeline takes the question at ``position``; None when nothing is known
        yet."""
        return self._throughput.wait(
            position,
            self._clock.monotonic(),
            capacity=self.limit(),
            free=self.free(),
            held=sum(not run.withdrawable for run in self._in_flight.at(self.cluster)),
        )

    def dispatched(self, *, is_open: bool) -> None:
        """Note that everything was sent that may be sent now; ``is_open``: nothing but the slots limits that."""
        self._throughput.saturated(self._clock.monotonic(), is_saturated=is_open and self.free() <= 0)

    def read_status(self) -> None:
        """Take over the capacity in the newest report."""
        status = self.status
        self._capacity.status(status.capacity if status is not None else None)

    def began(self, waited: float) -> None:
        """Learn from a question that a pipeline took ``waited`` seconds after it was sent."""
        now = self._clock.monotonic()
        self._throughput.taken(now, capacity=max(1, self.limit()))
        self._capacity.succeeded(
            now,
            in_flight=self.running,
            waited=waited,
            held=self._in_flight.held_at_scheduler(self.cluster),
        )

    def refused(self, elapsed: float) -> None:
        """Learn from a question that was refused for want of a slot ``elapsed`` seconds after it was sent."""
        now = self._clock.monotonic()
        self._capacity.refused(now, sent_at=now - elapsed)

    def completed(self, duration: float) -> None:
        """Learn from a complete answer that took ``duration`` seconds."""
        self._throughput.answered(duration)

    @property
    def speed(self) -> float:
        """Questions that it takes in a second while it has no free slot, as far as is known; 0 when nothing is."""
        cycle = self._throughput.cycle()
        return self.limit() / cycle if cycle else 0.0


class AllSlots:
    """The slots of all clusters together."""

    def __init__(self, clusters: Sequence[Slots], metrics: Metrics) -> None:
        """``clusters`` are those of each, at least one."""
        self._clusters = clusters
        self._metrics = metrics

    def of(self, cluster: str) -> Slots | None:
        """Those of the cluster with this name; None when there is none."""
        return next((slots for slots in self._clusters if slots.cluster == cluster), None)

    @property
    def model(self) -> str | None:
        """The model that all clusters are known to serve; None while that is unknown, or when they differ."""
        models = {slots.model for slots in self._clusters}
        return models.pop() if len(models) == 1 else None

    def limit(self) -> int:
        """How many questions may be in flight."""
        limit = sum(slots.limit() for slots in self._clusters)
        self._metrics.capacity.set(limit)
        return limit

    def free(self, wanted: str | None = None) -> int:
        """How many more questions may be sent; with ``wanted``, to this cluster; 0 or less for none."""
        only = None if wanted is None else self.of(wanted)
        return only.free() if only is not None else sum(max(0, slots.free()) for slots in self._clusters)

    def wait_for(self, position: int, wanted: str | None = None) -> float | None:
        """Estimated seconds until a cluster takes the question at ``position``, or ``wanted`` does, which is then
        the only one that may; None when nothing is known yet."""
        only = None if wanted is None else self.of(wanted)
        if only is not None or len(self._clusters) == 1:
            # Those before it may go elsewhere: then it waits less.
            return (only or self._clusters[0]).wait_for(position)
        known = [slots for slots in self._clusters if slots.speed]
        return _dealt(position, known) if known else None


def _dealt(position: int, clusters: Sequence[Slots]) -> float:
    """Seconds until one of the ``clusters``, whose speeds are known, takes the question at ``position``."""
    if position > DEALT:
        together = sum(slots.speed for slots in clusters)
        waits = [slots.wait_for(math.ceil(position * slots.speed / together) or 1) or 0.0 for slots in clusters]
        return max(waits)
    taken = [1] * len(clusters)
    waits = [slots.wait_for(1) or 0.0 for slots in clusters]
    for _ in range(position - 1):
        first = waits.index(min(waits))
        taken[first] += 1
        waits[first] = clusters[first].wait_for(taken[first]) or 0.0
    return min(waits)
