"""The leader's lease on the database: :class:`bot.domain.cluster.leader_lease.LeaderLease`."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, delete, insert, select

from bot.storage.engine import Transactions
from bot.storage.tables import facts

PREFIX = "lease:"


class SqlLeaderLease:
    """The contract of every method is :class:`LeaderLease`'s. A lease is stored as a fact,
    ``<owner> <epoch seconds>``."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def hold(
        self, name: str, owner: str, *, now: float, until: float, is_alive: Callable[[str], bool]
    ) -> bool:
        """Acquire the lease if it is free, or extend it if ``owner`` holds it."""

        def may_have(db: Connection) -> bool:
            return _may_have(db, name, owner, now, is_alive)

        # A process that does not get the lease asks every few seconds: that must cost no write.
        if not await self._transactions.read(may_have):
            return False
        return await self._transactions.write(lambda db: may_have(db) and _put(db, name, owner, until))

    async def take(self, name: str, owner: str, *, until: float) -> None:
        """Acquire the lease, whichever owner holds it."""
        await self._transactions.write(lambda db: _put(db, name, owner, until))

    async def release(self, name: str, owner: str) -> None:
        """Release the lease; no-op if another owner holds it."""
        ours = delete(facts).where(facts.c.key == PREFIX + name, facts.c.value.startswith(f"{owner} "))
        await self._transactions.write(lambda db: db.execute(ours).rowcount)


def _may_have(db: Connection, name: str, owner: str, now: float, is_alive: Callable[[str], bool]) -> bool:
    value = db.execute(select(facts.c.value).where(facts.c.key == PREFIX + name)).scalar()
    if value is None:
        return True
    holder, _, until = str(value).rpartition(" ")
    return holder == owner or float(until) <= now or not is_alive(holder)


def _put(db: Connection, name: str, owner: str, until: float) -> bool:
    db.execute(delete(facts).where(facts.c.key == PREFIX + name))
    db.execute(insert(facts).values(key=PREFIX + name, value=f"{owner} {until}"))
    return True
