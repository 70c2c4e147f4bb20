"""Whether the cluster has nothing to do for people."""

from __future__ import annotations

from bot.domain.queue.request import RequestState
from bot.domain.queue.store import RequestStore
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
