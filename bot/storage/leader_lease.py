"""The leader's lease on the database: :class:`bot.domain.cluster.leader_lease.LeaderLease`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection, delete, select

from bot.storage.dialects import hold_queue, still_there
from bot.storage.engine import Transactions
from bot.storage.statements import replace_row
from bot.storage.tables import facts

KEY = "lease:watch"
_IS_LEASE = facts.c.key == KEY


class SqlLeaderLease:
    """The contract of every method is :class:`LeaderLease`'s. The lease is stored as a fact,
    ``<owner> <epoch seconds>``."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def hold(self, owner: str, *, now: float, until: float, is_alive: Callable[[str], bool]) -> bool:
        """Acquire the lease if it is free, or extend it if ``owner`` holds it."""
        is_free = partial(_is_free, owner=owner, now=now, is_alive=is_alive)
        # A process that does not get the lease asks every few seconds: that must cost no write.
        if not await self._transactions.read(is_free):
            return False

        def hold(db: Connection) -> bool:
            hold_queue(db)  # of two that see no lease, only one gets it
            return is_free(db) and _put(db, owner, until)

        return await self._transactions.write(hold)

    async def take(self, owner: str, *, until: float) -> None:
        """Acquire the lease, even if another owner holds it."""
        await self._transactions.write(lambda db: _put(db, owner, until))

    async def release(self, owner: str) -> None:
        """Release the lease; no-op if another owner holds it."""
        ours = delete(facts).where(_IS_LEASE, facts.c.value.startswith(f"{owner} "))
        await self._transactions.write(lambda db: db.execute(ours).rowcount)


def _is_free(db: Connection, owner: str, now: float, is_alive: Callable[[str], bool]) -> bool:
    value = db.execute(select(facts.c.value).where(_IS_LEASE)).scalar()
    if value is None:
        return True
    holder, _, until = str(value).rpartition(" ")
    if holder == owner or float(until) <= now:
        return True
    return not still_there(db, [holder]) and not is_alive(holder)


def _put(db: Connection, owner: str, until: float) -> bool:
    replace_row(db, facts, _IS_LEASE, {"key": KEY, "value": f"{owner} {until}"})
    return True
