"""Usage, counted by person and day, and the port to its store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.errors import QuotaUsed

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


@dataclass(frozen=True, slots=True)
class Quota:
    """How many tokens somebody may use on ``day`` (UTC, numbered from the epoch): ``limit``, ≥ 1."""

    limit: int
    day: int

    @property
    def resets_at(self) -> float:
        """When the next day begins, in epoch seconds."""
        return float((self.day + 1) * DAY)

    def require_left(self, user_id: int, used: int) -> None:
        """Raise :class:`QuotaUsed` when this person has ``used`` all of it. The answer that crosses the limit is
        given."""
        if used >= self.limit:
            raise QuotaUsed(
                f"user {user_id} used {used} of {self.limit}",
                used=used,
                limit=self.limit,
                resets=f"<t:{int(self.resets_at)}:R>",
            )


class UsageStore(Protocol):
    """Usage by person and day. Raises only :class:`StorageError`."""

    async def of_user(self, user_id: int, *, since_day: int) -> Sequence[UsageRow]:
        """A person's days since ``since_day``, oldest first, all servers summed up."""
        ...

    async def of_server(self, guild_id: int, *, since_day: int) -> Sequence[UsageRow]:
        """A server's days and people since ``since_day``, oldest first."""
        ...
