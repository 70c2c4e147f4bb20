"""Tokens that a person may use in a day (UTC), and has used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.clock import Clock
from bot.domain.queue.usage import DAY, Quota, UsageRow, UsageStore
from bot.services.access.operators import Operators, Person


@dataclass(frozen=True, slots=True)
class Allowance:
    """``limit`` tokens a day, None for no limit; ``used`` of them today; ``resets_at`` in epoch seconds."""

    limit: int | None
    used: int
    resets_at: float


class Quotas:
    """Reads what was used, and refuses questions beyond the limit."""

    def __init__(
        self, store: UsageStore, operators: Operators, clock: Clock, *, per_user: int, roles: Mapping[int, int]
    ) -> None:
        """``per_user`` and the values of ``roles`` (more for their members) are tokens a day; 0: no limit."""
        self._store = store
        self._operators = operators
        self._clock = clock
        self.change(per_user=per_user, roles=roles)

    def change(self, *, per_user: int, roles: Mapping[int, int]) -> None:
        """From now on these are the limits. What was used today counts."""
        self._per_user = per_user
        self._roles = dict(roles)

    async def allowance(self, person: Person) -> Allowance:
        """What this person may use and has used today. Raises :class:`StorageError`."""
        return Allowance(self._limit(person), await self._used(person), float((self.today + 1) * DAY))

    def of(self, person: Person) -> Quota | None:
        """What this person may use today; None for no limit. What was used is not read."""
        limit = self._limit(person)
        return None if limit is None else Quota(limit, self.today)

    async def check(self, person: Person) -> None:
        """Raise :class:`QuotaUsed` when nothing is left for today. The answer that crosses the limit is given."""
        quota = self.of(person)
        if quota is not None:
            quota.require_left(person.user_id, await self._used(person))

    async def history(self, user_id: int, days: int) -> Sequence[UsageRow]:
        """A person's last ``days`` days, today included."""
        return await self._store.of_user(user_id, since_day=self.today - days + 1)

    async def server(self, guild_id: int, days: int) -> Sequence[UsageRow]:
        """A server's last ``days`` days by person, today included."""
        return await self._store.of_server(guild_id, since_day=self.today - days + 1)

    @property
    def today(self) -> int:
        """The number of today, counted from 1970-01-01."""
        return int(self._clock.now() // DAY)

    async def _used(self, person: Person) -> int:
        return sum(row.tokens for row in await self.history(person.user_id, 1))

    def _limit(self, person: Person) -> int | None:
        given = [limit for role, limit in self._roles.items() if role in person.role_ids]
        if not self._per_user or 0 in given or self._operators.is_operator(person):
            return None
        return max([self._per_user, *given])
