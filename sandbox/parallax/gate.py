"""The event loop of the simulated scheduler: while it is blocked, nothing is answered and no byte flows."""

import asyncio

from sandbox.parallax.clock import ScaledClock

__all__ = ["Gate"]


class Gate:
    """Open unless there is a reason to be closed; each reason is opened on its own."""

    __slots__ = ("_open", "_reasons")

    def __init__(self) -> None:
        self._reasons: set[str] = set()
        self._open = asyncio.Event()
        self._open.set()

    @property
    def reasons(self) -> frozenset[str]:
        """Why the server is frozen at the moment; empty when it is not."""
        return frozenset(self._reasons)

    def close(self, reason: str) -> None:
        """Freeze everything until `open` is called with the same reason."""
        self._reasons.add(reason)
        self._open.clear()

    def open(self, reason: str) -> None:
        """Take a reason away; without any left the server goes on."""
        self._reasons.discard(reason)
        if not self._reasons:
            self._open.set()

    async def passed(self) -> None:
        """Wait until the server is not frozen."""
        while self._reasons:
            await self._open.wait()

    async def block(self, clock: ScaledClock, seconds: float, reason: str) -> None:
        """Freeze everything for `seconds` scheduler seconds, and wait for it."""
        self.close(reason)
        try:
            await clock.sleep(seconds)
        finally:
            self.open(reason)
