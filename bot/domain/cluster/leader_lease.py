"""The port to a lease that one process at a time holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class LeaderLease(Protocol):
    """Leases for work that only one of several processes does at a time. Times in epoch seconds. Raises only
    :class:`StorageError`."""

    async def hold(
        self, name: str, owner: str, *, now: float, until: float, is_alive: Callable[[str], bool]
    ) -> bool:
        """Acquire or extend the lease until ``until``; False when another owner, for whom ``is_alive`` is true,
        holds it."""
        ...

    async def take(self, name: str, owner: str, *, until: float) -> None:
        """Acquire the lease until ``until``, whichever owner holds it now."""
        ...

    async def release(self, name: str, owner: str) -> None:
        """Release the lease; no-op if another owner holds it."""
        ...
