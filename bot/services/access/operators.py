"""Who runs the cluster: people named in the settings, whatever permissions a server gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.errors import NotAllowed


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the bot. ``guild_id`` is the server that ``role_ids`` belong to; None when no roles are known."""

    user_id: int
    guild_id: int | None
    role_ids: frozenset[int] = frozenset()


class Operators:
    """Decides who may run the cluster.

    A role counts only in the servers ``guild_ids``, so that administrators of another server gain nothing.
    """

    def __init__(
        self, *, user_ids: Iterable[int], role_ids: Iterable[int], guild_ids: Iterable[int], weight: float = 1.0
    ) -> None:
        self._guild_ids = frozenset(guild_ids)
        self.change(user_ids=user_ids, role_ids=role_ids, weight=weight)

    def change(self, *, user_ids: Iterable[int], role_ids: Iterable[int], weight: float) -> None:
        """From now on these are the operators."""
        self._user_ids = frozenset(user_ids)
        self._role_ids = frozenset(role_ids)
        self._weight = weight

    def is_operator(self, person: Person) -> bool:
        """Whether this person runs the cluster."""
        if person.user_id in self._user_ids:
            return True
        return person.guild_id in self._guild_ids and not self._role_ids.isdisjoint(person.role_ids)

    def weight_of(self, person: Person) -> float:
        """This person's share of the cluster, where other people's is 1."""
        return self._weight if self.is_operator(person) else 1.0

    def require(self, person: Person) -> None:
        """Raise :class:`NotAllowed` for people who are not operators."""
        if not self.is_operator(person):
            raise NotAllowed(f"user {person.user_id} is not an operator")
