"""The port to a lease that one process at a time holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class LeaderLease(Protocol):
    """What only one of several processes does at a time. Times in epoch seconds. Raises only
    :class:`StorageError`."""

    async def hold(
        self, name: str, owner: str, *, now: float, until: float, is_alive: Callable[[str], bool]
    ) -> bool:
        """Have the lease ``until`` then, when nobody else has it now; False when somebody has, of whom
        ``is_alive`` is true."""
        ...

    async def take(self, name: str, owner: str, *, until: float) -> None:
        """Have it ``until`` then, whoever had it."""
        ...

    async def release(self, name: str, owner: str) -> None:
        """Have it no more; nothing happens when another has it."""
        ...
