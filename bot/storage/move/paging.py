"""Reading a table from its first key to its last, some rows at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Table, bindparam, func, select, tuple_

from bot.storage.move.checksums import Checksum, canonical

T = TypeVar("T")

BATCH = 200
"""Rows at once. One row has at most a question, its attached text and an answer: a few hundred KB."""

Key = Sequence[Any]
Row = Mapping[str, Any]


class Reads(Protocol):
    """Runs functions that read."""

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work``. Raises :class:`StorageError`."""
        ...


def key_of(table: Table, row: Row) -> Key:
    """The row's primary key."""
    return [row[column.name] for column in table.primary_key]


async def pages(
    reads: Reads, table: Table, *, after: Key | None = None, upto: Key | None = None
) -> AsyncIterator[list[Row]]:
    """The rows of ``table`` in the order of their keys as their database sorts them, :data:`BATCH` at a time:
    those after the key ``after``, up to and with ``upto``."""
    while True:
        found = await reads.read(lambda connection, begin=after: _page(connection, table, begin, upto))  # type: ignore[misc]  # of the lambda's default
        if found:
            yield found
        if len(found) < BATCH:
            return
        after = key_of(table, found[-1])


def _page(connection: Connection, table: Table, after: Key | None, upto: Key | None) -> list[Row]:
    key = tuple_(*table.primary_key)
    query = select(table).order_by(*table.primary_key).limit(BATCH)
    if after is not None:
        query = query.where(key > _bound(table, after))
    if upto is not None:
        query = query.where(key <= _bound(table, upto))
    return [dict(row) for row in connection.execute(query).mappings()]


def _bound(table: Table, key: Key) -> Any:  # noqa: ANN401  # SQLAlchemy's tuples have no type of their own
    columns = zip(table.primary_key, key, strict=True)
    return tuple_(*(bindparam(None, value, type_=column.type) for column, value in columns))


async def count(reads: Reads, table: Table) -> int:
    """How many rows ``table`` has."""
    return await reads.read(
        lambda connection: connection.execute(select(func.count()).select_from(table)).scalar_one()
    )


async def checksum(reads: Reads, table: Table, *, upto: Key | None = None) -> Checksum:
    """Of all rows of ``table``, or of those up to and with the key ``upto``."""
    found = Checksum()
    async for rows in pages(reads, table, upto=upto):
        for row in rows:
            found = found.plus(canonical(table, row))
    return found
