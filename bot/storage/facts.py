"""Facts about the bot itself on the database: small texts by name."""

from __future__ import annotations

from sqlalchemy import select

from bot.storage.engine import Transactions
from bot.storage.statements import put_row
from bot.storage.tables import facts


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
        await self._transactions.write(
            lambda connection: put_row(connection, facts, {"key": key}, {"value": value})
        )
