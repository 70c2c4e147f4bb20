"""Renews the leases of this process, and takes over from a process that is gone."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from bot.clock import Clock
from bot.domain.queue.store import RequestStore
from bot.services.answers.live import LiveAnswers
from bot.services.queue.gate import Gate
from bot.services.queue.in_flight import InFlight
from bot.services.queue.positions import PositionUpdater
from bot.services.queue.reconciliation import Reconciliation
from bot.services.queue.signal import QueueSignal

log = structlog.get_logger(__name__)

LOOK_EVERY = 0.8
"""Seconds between two looks at the queue, and for what a process held that is gone, where there may be others."""


class Heartbeat:
    """Renews the leases of what runs here, and puts back what no living process holds."""

    def __init__(
        self,
        *,
        store: RequestStore,
        live_answers: LiveAnswers,
        gate: Gate,
        signal: QueueSignal,
        positions: PositionUpdater,
        in_flight: InFlight,
        reconciliation: Reconciliation,
        clock: Clock,
        owner: str,
        is_alive: Callable[[str], bool],
        seconds: float = 30.0,
        may_be_others: bool = False,
    ) -> None:
        """``owner`` names this process, ``is_alive`` tells whether the process of another name lives.

        ``seconds`` is how long a process that hangs keeps its questions. ``may_be_others``: other processes may
        use the database at the same time.
        """
        self._store = store
        self._live_answers = live_answers
        self._gate = gate
        self._signal = signal
        self._positions = positions
        self._in_flight = in_flight
        self._reconciliation = reconciliation
        self._clock = clock
        self._is_alive = is_alive
        self.owner = owner
        self.seconds = seconds
        self._look_every = LOOK_EVERY if may_be_others else seconds / 3

    async def run(self) -> None:
        """Renew, take over and look at what others changed, until cancelled. Raises :class:`StorageError`."""
        renewed = self._clock.monotonic()
        while True:
            await self._clock.sleep(self._look_every)
            if self._clock.monotonic() - renewed < self.seconds / 3 - self._look_every / 2:
                await self.recover()
                # What was left to another process may be taken after a while, which nothing tells.
                self._signal.set()
                continue
            renewed = self._clock.monotonic()
            # First, because leases that ran out while this process hung are still ours if nobody took them. Only
            # of what is held here: the lease of a lost question must run out.
            await self._store.renew(self.owner, self._in_flight.held, now=self._clock.now, lease=self.seconds)
            await self.recover()
            await self._gate.refresh()
            # Another process may have added to the queue, or taken from it.
            self._signal.set()

    async def recover(self) -> None:
        """Take over from a process that is gone, at once, and from one that hangs, when its leases run out.
        :class:`PositionUpdater` shows again what waits. Raises :class:`StorageError`."""
        recovered = await self._store.recover(self.owner, now=self._clock.now, is_alive=self._is_alive)
        for request_id in recovered.requeued:
            # The other process may have changed its messages since.
            await self._live_answers.close(request_id)
            self._positions.left(request_id)
        for request in recovered.undelivered:
            await self._reconciliation.deliver(request)
        if recovered.requeued or recovered.undelivered:
            self._signal.set()
            log.info("queue.recovered", requeued=len(recovered.requeued), undelivered=len(recovered.undelivered))
