"""The API's keys on the database: :class:`bot.domain.access.keys.KeyStore`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from bot.domain.access.keys import Key, NewKey
from bot.storage.dialects import hold_queue
from bot.storage.engine import Transactions
from bot.storage.key_tables import api_keys

_COLUMNS = tuple(api_keys.c[field.name] for field in fields(Key))

# Every request of a program needs it.
_BY_DIGEST = select(*_COLUMNS, api_keys.c.digest).where(api_keys.c.digest == bindparam("wanted"))


class SqlKeys:
    """The contract of every method is :class:`KeyStore`'s."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def add(self, key: NewKey, *, most: int) -> Key | None:
        """Store a key; None when its owner has ``most`` or more."""

        def change(connection: Connection) -> Key | None:
            hold_queue(connection)
            count = select(func.count()).select_from(api_keys).where(api_keys.c.user_id == key.user_id)
            if connection.scalar(count) >= most:  # type: ignore[operator]  # a count is never NULL
                return None
            made = connection.execute(insert(api_keys).values(**asdict(key)).returning(*_COLUMNS)).one()
            return Key(*made)

        return await self._transactions.write(change)

    async def by_digest(self, digest: str) -> tuple[Key, str] | None:
        """The key with this digest, and the digest as it is stored; None when there is none."""
        row = await self._transactions.read(
            lambda connection: connection.execute(_BY_DIGEST, {"wanted": digest}).first()
        )
        return None if row is None else (Key(*row[:-1]), row[-1])

    async def of_user(self, user_id: int) -> Sequence[Key]:
        """A person's keys, oldest first."""
        theirs = select(*_COLUMNS).where(api_keys.c.user_id == user_id).order_by(api_keys.c.key_id)
        return await self._transactions.read(lambda connection: [Key(*row) for row in connection.execute(theirs)])

    async def all(self, limit: int) -> Sequence[Key]:
        """The newest ``limit`` keys of everybody, newest first."""
        newest = select(*_COLUMNS).order_by(api_keys.c.key_id.desc()).limit(limit)
        return await self._transactions.read(lambda connection: [Key(*row) for row in connection.execute(newest)])

    async def get(self, key_id: int) -> Key | None:
        """The key, or None."""
        row = await self._transactions.read(
            lambda connection: connection.execute(select(*_COLUMNS).where(api_keys.c.key_id == key_id)).first()
        )
        return None if row is None else Key(*row)

    async def remove(self, key_id: int) -> bool:
        """Remove a key; False when there is none."""
        gone = delete(api_keys).where(api_keys.c.key_id == key_id)
        return await self._transactions.write(lambda connection: connection.execute(gone).rowcount > 0)

    async def used(self, key_id: int, *, now: float) -> None:
        """Store that a key was used."""
        touched = update(api_keys).where(api_keys.c.key_id == key_id).values(last_used_at=now)
        await self._transactions.write(lambda connection: connection.execute(touched).rowcount)
