"""The port to the lease that one of several processes holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class LeaderLease(Protocol):
    """The lease for work that only one process does at a time. Times in epoch seconds. Raises only
    :class:`StorageError`."""

    async def hold(self, owner: str, *, now: float, until: float, is_alive: Callable[[str], bool]) -> bool:
        """Acquire or extend the lease until ``until``; False when another owner, for whom ``is_alive`` is true,
        holds it."""
        ...

    async def take(self, owner: str, *, until: float) -> None:
        """Acquire the lease until ``until``, even if another owner holds it."""
        ...

    async def release(self, owner: str) -> None:
        """Release the lease; no-op if another owner holds it."""
        ...
