"""Whether the cluster has nothing to do for people."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager

from bot.domain.chat import ChatRequest, StreamEvent
from bot.domain.queue.request import RequestState
from bot.domain.queue.store import RequestStore
from bot.services.cluster.clusters import Clusters
from bot.services.queue.cluster_gate import ClusterGate
from bot.services.queue.gate import Gate
from bot.services.queue.in_flight import InFlight


class Idleness:
    """Tells whether work of our own may be sent to the cluster."""

    def __init__(self, store: RequestStore, in_flight: InFlight, gate: Gate) -> None:
        self._store = store
        self._in_flight = in_flight
        self._gate = gate

    async def is_idle(self) -> bool:
        """Whether nothing runs or waits in any process, and a question would be taken. Raises
        :class:`StorageError`."""
        counts = await self._store.counts()
        busy = self._in_flight.running or counts[RequestState.QUEUED] or counts[RequestState.RUNNING]
        return not busy and self._gate.hold() is None


class FreeCluster:
    """Sends work of our own to a cluster that would take a question."""

    def __init__(self, clusters: Clusters, gates: Mapping[str, ClusterGate]) -> None:
        """``gates`` are those of all clusters, by name."""
        self._clusters = clusters
        self._gates = gates

    def stream_chat(self, request: ChatRequest) -> AbstractAsyncContextManager[AsyncIterator[StreamEvent]]:
        """As :meth:`bot.domain.scheduler.Scheduler.stream_chat`, at the first cluster that nothing holds."""
        free = (cluster for cluster in self._clusters if self._gates[cluster.name].hold() is None)
        return next(free, self._clusters.first).scheduler.stream_chat(request)
