"""What wakes the dispatcher."""

from __future__ import annotations

import asyncio

from bot.clock import Clock, first_of


class QueueSignal:
    """Tells one waiter that something changed. Any number of changes before it looks are one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = asyncio.Event()

    def set(self) -> None:
        """Wake the waiter: a question came, a slot is free, the cluster reported."""
        self._changed.set()

    async def wait(self, timeout: float | None = None) -> None:
        """Wait for a change, at most ``timeout`` seconds; whatever changes from then on counts anew."""
        await first_of(self._clock, timeout, self._changed)
        self._changed.clear()
