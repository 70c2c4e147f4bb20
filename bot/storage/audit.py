"""The audit log on the database: :class:`bot.domain.cluster.audit.AuditLog`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import insert, select

from bot.domain.cluster.audit import AuditEntry
from bot.storage.engine import Transactions
from bot.storage.tables import audit


class Audit:
    """Actions of operators and managers."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def record(self, entry: AuditEntry) -> None:
        """Store ``entry``; durable when this returns. Raises :class:`StorageError`."""
        kept = insert(audit).values(
            at=entry.at,
            actor_id=entry.actor_id,
            action=entry.action,
            detail=json.dumps(entry.detail, ensure_ascii=False, separators=(",", ":")),
        )
        await self._transactions.write(lambda connection: connection.execute(kept).rowcount)

    async def recent(self, limit: int) -> Sequence[AuditEntry]:
        """The newest ``limit`` entries, newest first."""
        newest = select(audit).order_by(audit.c.id.desc()).limit(limit)
        return await self._transactions.read(
            lambda connection: [
                AuditEntry(row.at, row.actor_id, row.action, json.loads(row.detail))
                for row in connection.execute(newest)
            ]
        )
