"""How many questions wait and for how long the oldest has, as the metrics show it."""

from __future__ import annotations

from collections.abc import Sequence

from bot.clock import Clock
from bot.domain.queue.store import RequestStore
from bot.telemetry.metrics import Metrics


class WaitingMeter:
    """Shows the queue in the metrics, in the process that keeps the positions; in others nothing waits, so that
    sums over all processes are right."""

    def __init__(self, store: RequestStore, clock: Clock, metrics: Metrics) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._oldest: tuple[str, float] | None = None
        metrics.oldest_is(self._age)

    async def shows(self, waiting: Sequence[str]) -> None:
        """Show that these questions wait. Raises :class:`StorageError`."""
        self._metrics.waiting.set(len(waiting))
        # Whatever came since is younger, so it is looked for only when the oldest has left.
        if self._oldest is None or self._oldest[0] not in waiting:
            self._oldest = await self._store.oldest_waiting() if waiting else None

    def shows_nothing(self) -> None:
        """Show that nothing waits here: another process keeps the positions."""
        self._oldest = None
        self._metrics.waiting.set(0)

    def _age(self) -> float:
        return 0.0 if self._oldest is None else max(0.0, self._clock.now() - self._oldest[1])
