"""The sandbox's time: a wall clock that tests may speed up or move forward.

Only rules that are written in minutes or hours (an interaction token's 15 minutes, a message's age) follow
this clock. Latencies and rate-limit windows are real seconds, because the client on the other side waits
real seconds for them.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime


class Clock:
    """A wall clock with an adjustable speed.

    ``scale`` is how many of its seconds pass in one real second (must be above 0). Use it from one event
    loop only.
    """

    def __init__(self, scale: float = 1.0) -> None:
        if scale <= 0:
            raise ValueError("a clock's scale must be above 0")
        self._scale = scale
        self._origin = time.time()
        self._since = time.monotonic()
        self._moved = asyncio.Event()

    @property
    def scale(self) -> float:
        """How many seconds pass on this clock in one real second."""
        return self._scale

    def now(self) -> float:
        """Seconds since the Unix epoch, as this clock has them."""
        return self._origin + (time.monotonic() - self._since) * self._scale

    def date(self) -> datetime:
        """The same as an aware UTC datetime."""
        return datetime.fromtimestamp(self.now(), UTC)

    @staticmethod
    def monotonic() -> float:
        """Real seconds, never scaled nor advanced: for latencies and rate-limit windows."""
        return time.monotonic()

    def advance(self, seconds: float) -> None:
        """Jump forward by ``seconds`` (not negative) and wake everyone whose moment has come."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self._rebase(self.now() + seconds, self._scale)

    def set_scale(self, scale: float) -> None:
        """Run at another speed from now on."""
        if scale <= 0:
            raise ValueError("a clock's scale must be above 0")
        self._rebase(self.now(), scale)

    async def wait_until(self, moment: float) -> None:
        """Return once :meth:`now` is at least ``moment``; cancelling it leaves nothing behind."""
        while (remaining := moment - self.now()) > 0:
            moved = self._moved
            try:
                await asyncio.wait_for(moved.wait(), remaining / self._scale)
            except TimeoutError:
                continue

    async def sleep(self, seconds: float) -> None:
        """Wait ``seconds`` of this clock's time."""
        await self.wait_until(self.now() + seconds)

    def _rebase(self, now: float, scale: float) -> None:
        self._origin = now
        self._since = time.monotonic()
        self._scale = scale
        self._moved, moved = asyncio.Event(), self._moved
        moved.set()
