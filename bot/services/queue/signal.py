"""What wakes the dispatcher."""

from __future__ import annotations

import asyncio

from bot.clock import Clock


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
        waits: set[asyncio.Future[object]] = {asyncio.ensure_future(self._changed.wait())}
        if timeout is not None:
            waits.add(asyncio.ensure_future(self._clock.sleep(timeout)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self._changed.clear()
