"""Time for tests."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.clock import SystemClock


@dataclass(eq=False)
class FastClock:
    """A :class:`bot.clock.Clock` on which waits and tolerances pass ``times`` as fast as they are written."""

    times: float
    _real: SystemClock = field(default_factory=SystemClock)

    def now(self) -> float:
        """Epoch seconds, running fast."""
        return self.monotonic()

    def monotonic(self) -> float:
        """Seconds, running fast."""
        return self._real.monotonic() * self.times

    async def sleep(self, seconds: float) -> None:
        """Return early."""
        await self._real.sleep(seconds / self.times)
