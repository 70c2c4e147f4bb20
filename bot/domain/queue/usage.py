"""Usage, counted by person and day, and the port to its store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

DAY = 86_400
"""Seconds. Days are those of UTC, numbered from the epoch."""


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One person's usage in one server on one day of UTC, numbered from the epoch. ``waited`` in seconds."""

    day: int
    user_id: int
    user_name: str
    questions: int
    tokens: int
    waited: float


class UsageStore(Protocol):
    """Usage by person and day. Raises only :class:`StorageError`."""

    async def of_user(self, user_id: int, *, since_day: int) -> Sequence[UsageRow]:
        """A person's days since ``since_day``, oldest first, all servers summed up."""
        ...

    async def of_server(self, guild_id: int, *, since_day: int) -> Sequence[UsageRow]:
        """A server's days and people since ``since_day``, oldest first."""
        ...
