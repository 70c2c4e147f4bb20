"""Time for tests."""

from __future__ import annotations

import asyncio
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


@dataclass(eq=False)
class HandClock:
    """A :class:`bot.clock.Clock` that moves only when a test moves it."""

    at: float = 100_000.0
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> float:
        """Epoch seconds."""
        return self.at

    def monotonic(self) -> float:
        """The same seconds."""
        return self.at

    async def sleep(self, seconds: float) -> None:
        """Return when the test has moved the clock so far."""
        until = self.at + seconds
        await asyncio.sleep(0)
        while self.at < until:
            await self._moved.wait()

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass at once."""
        self.at += seconds
        self._moved, moved = asyncio.Event(), self._moved
        moved.set()
