"""This process among others on the same database."""

from __future__ import annotations

from typing import Protocol

from bot.domain.queue.store import Wishes
from bot.services.cluster.leadership import Leadership


class Others(Protocol):
    """A look at the other processes."""

    @property
    def others(self) -> int:
        """How many live, as of a moment ago."""
        ...


class Company:
    """What a process has to know of the others, to do nothing twice and leave nothing undone."""

    def __init__(self, others: Others, leadership: Leadership, wishes: Wishes) -> None:
        """``leadership`` is what one of all processes has; ``wishes`` is how they ask each other."""
        self.wishes = wishes
        self._others = others
        self._leadership = leadership

    @property
    def has_others(self) -> bool:
        """Whether another process lives, which goes on with what this one leaves."""
        return self._others.others > 0

    async def leads(self) -> bool:
        """Whether this process shows what waits: one does, for all. Raises :class:`StorageError`."""
        return not self.has_others or await self._leadership.is_ours()

    async def retire(self) -> None:
        """Leave what one process does for all to another one, for good."""
        await self._leadership.retire()
