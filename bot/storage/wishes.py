"""What one process wants of another, on the database: :class:`bot.domain.queue.store.Wishes`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, or_, select

from bot.domain.queue.store import Wish, WishKind
from bot.storage.dialects import queue_changed
from bot.storage.engine import Transactions
from bot.storage.statements import put_row
from bot.storage.tables import IS_QUEUED, requests, wishes

READ_AT_ONCE = 100
KEPT = 3600.0
"""Seconds. A wish on a question that ended before it was read is of no use."""

_TO = (
    select(wishes.c.request_id, wishes.c.kind, wishes.c.by)
    .join(requests, requests.c.request_id == wishes.c.request_id)
    .where(or_(requests.c.lease_owner == bindparam("owner"), IS_QUEUED))
    .order_by(wishes.c.since)
    .limit(READ_AT_ONCE)
)


class SqlWishes:
    """The contract of every method is :class:`Wishes`'s."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def leave(self, wish: Wish, *, now: float) -> None:
        """Leave a wish, and tell the other processes that there is something new."""

        def work(connection: Connection) -> None:
            connection.execute(delete(wishes).where(wishes.c.since < now - KEPT))
            values = {"kind": wish.kind.value, "by": wish.by, "since": now}
            put_row(connection, wishes, {"request_id": wish.request_id}, values)
            queue_changed(connection)

        await self._transactions.write(work)

    async def to(self, owner: str) -> Sequence[Wish]:
        """The wishes for ``owner``, and those on questions that wait."""
        return await self._transactions.read(
            lambda connection: [
                Wish(row.request_id, WishKind(row.kind), row.by)
                for row in connection.execute(_TO, {"owner": owner})
            ]
        )

    async def fulfilled(self, request_id: str) -> None:
        """Remove the wish on this question."""
        done = delete(wishes).where(wishes.c.request_id == request_id)
        await self._transactions.write(lambda connection: connection.execute(done).rowcount)
