"""People's preferences and their thumbs for answers, on the database."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import select

from bot.storage.engine import Transactions
from bot.storage.statements import put_row
from bot.storage.tables import feedback, preferences


class Preferences:
    """The preferences of each person."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def announce(self, user_id: int) -> bool:
        """Whether this person wants to be told when an answer took long (yes, unless switched off)."""
        found = select(preferences.c.announce).where(preferences.c.user_id == user_id)
        chosen = await self._transactions.read(lambda connection: connection.scalar(found))
        return chosen is not False

    async def set_announce(self, user_id: int, announce: bool) -> None:
        """Store this person's choice. Raises :class:`StorageError`."""
        await self._transactions.write(
            lambda connection: put_row(connection, preferences, {"user_id": user_id}, {"announce": announce})
        )


class Feedback:
    """Thumbs, one per person and answer."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def give(self, request_id: str, user_id: int, value: Literal[-1, 1], *, now: float) -> None:
        """Set this person's thumb for the answer. Raises :class:`StorageError`, also when there is no such
        request."""
        key: dict[str, object] = {"request_id": request_id, "user_id": user_id}
        await self._transactions.write(
            lambda connection: put_row(connection, feedback, key, {"value": value, "given_at": now})
        )
