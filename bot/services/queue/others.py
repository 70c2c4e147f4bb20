"""Takes notice of what other processes do to the queue."""

from __future__ import annotations

import asyncio

from bot.domain.queue.store import QueueChanges
from bot.services.queue.gate import Gate
from bot.services.queue.reconciliation import Reconciliation
from bot.services.queue.signal import QueueSignal


class OtherProcesses:
    """Looks at the queue as soon as another process has changed it. :class:`Heartbeat` does so now and then in any
    case."""

    def __init__(
        self,
        changes: QueueChanges,
        gate: Gate,
        reconciliation: Reconciliation,
        signal: QueueSignal,
        changed: asyncio.Event,
    ) -> None:
        """``changed`` is set after every change, for whoever else looks at the queue then."""
        self._changed = changed
        self._changes = changes
        self._gate = gate
        self._reconciliation = reconciliation
        self._signal = signal

    async def run(self) -> None:
        """Look at the pause, at what runs here and at what waits after every change, until cancelled. Raises
        :class:`StorageError`."""
        while True:
            await self._changes.wait()
            await self._gate.refresh()
            # Somebody may have stopped, over there, what runs here.
            self._reconciliation.soon()
            self._signal.set()
            self._changed.set()
