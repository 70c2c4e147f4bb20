"""Work that must be completed before the process ends."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable

from bot.clock import Clock, woken


class Pending:
    """The keys of what has begun and is not complete."""

    def __init__(self) -> None:
        self._keys: set[Hashable] = set()
        self._completed = asyncio.Event()

    def begin(self, key: Hashable) -> None:
        """Work under ``key`` has begun."""
        self._keys.add(key)

    def complete(self, key: Hashable) -> None:
        """Work under ``key`` is complete; no-op if none has begun."""
        self._keys.discard(key)
        self._completed.set()

    async def settled(self, clock: Clock, timeout: float) -> bool:
        """Wait until nothing is pending, at most ``timeout`` seconds; returns whether that is so."""
        deadline = clock.monotonic() + timeout
        while self._keys and (left := deadline - clock.monotonic()) > 0:
            await woken(self._completed, clock, left)
        return not self._keys
