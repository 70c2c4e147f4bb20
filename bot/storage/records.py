"""Small things to remember: facts about the bot itself, what people prefer, what they thought of an answer,
and who did what to the cluster."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal, TypeAlias

from sqlalchemy import Connection, Table, delete, insert, select, update

from bot.cluster.records import AuditEntry
from bot.storage.engine import Transactions
from bot.storage.tables import audit, facts, feedback, preferences

Thumb: TypeAlias = Literal[-1, 1]


class Facts:
    """Small texts by name, for example the hash of the commands last sent to Discord."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def get(self, key: str) -> str | None:
        """The value of ``key``; None when there is none. Raises :class:`StorageError`."""
        found = select(facts.c.value).where(facts.c.key == key)
        return await self._transactions.read(lambda connection: connection.execute(found).scalar())

    async def put(self, key: str, value: str) -> None:
        """Set ``key``; durable when this returns. Raises :class:`StorageError`."""
        await self._transactions.write(lambda connection: _put(connection, facts, {"key": key}, {"value": value}))

    async def forget(self, key: str) -> None:
        """Remove ``key``. Raises :class:`StorageError`."""
        forgotten = delete(facts).where(facts.c.key == key)
        await self._transactions.write(lambda connection: connection.execute(forgotten).rowcount)


class Preferences:
    """What people chose for themselves."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def announce(self, user_id: int) -> bool:
        """Whether this person wants to be told when an answer took long (yes, unless switched off)."""
        found = select(preferences.c.announce).where(preferences.c.user_id == user_id)
        chosen = await self._transactions.read(lambda connection: connection.scalar(found))
        return chosen is not False

    async def set_announce(self, user_id: int, announce: bool) -> None:
        """Remember this person's choice. Raises :class:`StorageError`."""
        await self._transactions.write(
            lambda connection: _put(connection, preferences, {"user_id": user_id}, {"announce": announce})
        )


class Feedback:
    """Thumbs, one per person and answer."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def give(self, request_id: str, user_id: int, value: Thumb, *, now: float) -> None:
        """Set this person's thumb for the answer. Raises :class:`StorageError`, also for no such request."""
        key: dict[str, object] = {"request_id": request_id, "user_id": user_id}
        await self._transactions.write(
            lambda connection: _put(connection, feedback, key, {"value": value, "given_at": now})
        )

    async def of(self, request_id: str) -> dict[int, int]:
        """The thumbs (-1 or 1) for an answer, by user id."""
        given = select(feedback.c.user_id, feedback.c.value).where(feedback.c.request_id == request_id)
        return await self._transactions.read(
            lambda connection: {row.user_id: row.value for row in connection.execute(given)}
        )


class Audit:
    """Who did what to the cluster and the line."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def record(self, entry: AuditEntry) -> None:
        """Keep ``entry``; durable when this returns. Raises :class:`StorageError`."""
        kept = insert(audit).values(
            at=entry.at,
            actor_id=entry.actor_id,
            action=entry.action,
            detail=json.dumps(entry.detail, ensure_ascii=False, separators=(",", ":")),
        )
        await self._transactions.write(lambda connection: connection.execute(kept).rowcount)

    async def recent(self, limit: int) -> Sequence[AuditEntry]:
        """The newest ``limit`` entries, newest first."""
        newest = (
            select(audit.c.at, audit.c.actor_id, audit.c.action, audit.c.detail)
            .order_by(audit.c.id.desc())
            .limit(limit)
        )
        return await self._transactions.read(
            lambda connection: [
                AuditEntry(row.at, row.actor_id, row.action, json.loads(row.detail))
                for row in connection.execute(newest)
            ]
        )


def _put(connection: Connection, table: Table, key: dict[str, object], values: dict[str, object]) -> None:
    """Update the row with this key, or insert it."""
    where = [table.c[name] == value for name, value in key.items()]
    if not connection.execute(update(table).where(*where).values(**values)).rowcount:
        connection.execute(insert(table).values(**key, **values))
