"""Who runs the cluster: named in the configuration, never inferred from a server's own permissions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.errors import NotAllowed


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody using the bot, as Discord tells it with each interaction.

    ``guild_id`` is the server whose roles ``role_ids`` are; None where no server's roles are known.
    """

    user_id: int
    guild_id: int | None
    role_ids: frozenset[int] = frozenset()


class Operators:
    """Decides who may run the cluster.

    A role counts only in a server listed in ``guild_ids``: role ids are unique in all of Discord, but a server
    that is not listed must not gain power by whatever its administrators do.
    """

    def __init__(
        self, *, user_ids: Iterable[int], role_ids: Iterable[int], guild_ids: Iterable[int], weight: float = 1.0
    ) -> None:
        self._user_ids = frozenset(user_ids)
        self._role_ids = frozenset(role_ids)
        self._guild_ids = frozenset(guild_ids)
        self._weight = weight

    def is_operator(self, person: Person) -> bool:
        """Whether this person runs the cluster."""
        if person.user_id in self._user_ids:
            return True
        return person.guild_id in self._guild_ids and not self._role_ids.isdisjoint(person.role_ids)

    def weight_of(self, person: Person) -> float:
        """This person's share of the cluster, relative to everybody else's 1."""
        return self._weight if self.is_operator(person) else 1.0

    def require(self, person: Person) -> None:
        """Raise :class:`NotAllowed` for anybody else."""
        if not self.is_operator(person):
            raise NotAllowed(f"user {person.user_id} is not an operator")
