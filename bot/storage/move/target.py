"""The database that another one is moved into."""

from __future__ import annotations

import asyncio
import enum
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection, Insert, Table, Update, delete, insert, inspect, literal, select, update

from bot.errors import StorageError, ValueRefused
from bot.storage import migrate
from bot.storage.addresses import database_file, is_postgres, shown
from bot.storage.engine import ServerOptions, Transactions, open_transactions
from bot.storage.move.checksums import NO_ROWS, Checksum
from bot.storage.move.counters import set_counters
from bot.storage.move.paging import Key, Row, key_of
from bot.storage.tables import line_state, metadata
from bot.storage.unfinished_move import NAME, unfinished_move

T = TypeVar("T")


class Content(enum.Enum):
    """What a database holds before a move."""

    NOTHING = "nothing"
    PART = "part"
    """What an earlier move had copied when it was stopped."""
    DATA = "data"


@dataclass(frozen=True, slots=True)
class Copied:
    """How far the copy of a table has come: up to the key ``upto`` (None: nothing), which are rows with this
    checksum at the source."""

    upto: Key | None = None
    checksum: Checksum = NO_ROWS


class Target:
    """A database of this process that has the newest schema and holds nothing, or a part."""

    def __init__(self, url: str, transactions: Transactions) -> None:
        self._url = url
        self._transactions = transactions

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work``, which only reads. Raises :class:`StorageError`."""
        return await self._transactions.read(work)

    async def begin(self) -> None:
        """Remove everything, also what an earlier move copied, and mark the database: no bot starts on it."""

        def work(connection: Connection) -> None:
            unfinished_move.create(connection, checkfirst=True)
            connection.execute(delete(unfinished_move))
            for table in reversed(metadata.sorted_tables):
                connection.execute(delete(table))
            for table in metadata.sorted_tables:
                connection.execute(_row_of(table, Copied(), is_new=True))

        await self._transactions.write(work)

    async def copied(self, table: Table) -> Copied:
        """How far the copy of ``table`` has come."""
        query = select(unfinished_move).where(unfinished_move.c.name == table.name)
        found = await self.read(lambda connection: connection.execute(query).one_or_none())
        if found is None:
            return Copied()
        upto = None if found.upto is None else json.loads(found.upto)
        return Copied(upto, Checksum.of_text(found.copied, found.checksum))

    async def put(self, table: Table, rows: Sequence[Row], copied: Copied) -> None:
        """Insert ``rows``, and keep that the copy has come as far as ``copied``, in one transaction.

        Raises :class:`ValueRefused`, naming the first row, when this kind of database cannot hold one of them.
        """

        def work(connection: Connection) -> None:
            connection.execute(insert(table), list(rows))
            if not connection.execute(_row_of(table, copied)).rowcount:
                connection.execute(_row_of(table, copied, is_new=True))

        try:
            await self._transactions.write(work)
        except ValueRefused as error:
            row = await self._refused(table, rows)
            which = "a row" if row is None else f"the row {', '.join(map(str, key_of(table, row)))}"
            raise ValueRefused(
                f"{shown(self._url)} cannot hold {which} of {table.name}: {error}; the other database is as it was"
            ) from error

    async def _refused(self, table: Table, rows: Sequence[Row]) -> Row | None:
        """The first of ``rows`` that is refused alone; changes nothing."""
        for row in rows:

            def work(connection: Connection, one: Row = row) -> None:
                connection.execute(insert(table), [one])
                raise _UndoneError

            try:
                await self._transactions.write(work)
            except _UndoneError:
                continue
            except ValueRefused:
                return row
        return None

    async def finish(self, counters: Mapping[str, int]) -> None:
        """Set the counters of keys and take the mark away, in one transaction: a bot may start."""

        def work(connection: Connection) -> None:
            set_counters(connection, counters)
            unfinished_move.drop(connection)

        await self._transactions.write(work)


class _UndoneError(StorageError):
    """Ends a transaction that was only tried."""


def _row_of(table: Table, copied: Copied, *, is_new: bool = False) -> Insert | Update:
    values = {
        "upto": None if copied.upto is None else json.dumps(list(copied.upto)),
        "copied": copied.checksum.rows,
        "checksum": copied.checksum.text,
    }
    if is_new:
        return insert(unfinished_move).values(name=table.name, **values)
    return update(unfinished_move).where(unfinished_move.c.name == table.name).values(**values)


async def content(url: str, options: ServerOptions) -> Content:
    """What the database at ``url`` holds, whatever its schema. Changes nothing. Raises :class:`StorageError`."""
    if not is_postgres(url) and not database_file(url).exists():
        return Content.NOTHING
    transactions = open_transactions(url, options)
    try:
        return await transactions.read(_content)
    finally:
        await transactions.close()


def _content(connection: Connection) -> Content:
    there = set(inspect(connection).get_table_names())
    if NAME in there:
        return Content.PART
    tables = [table for table in metadata.sorted_tables if table.name in there]
    return Content.DATA if any(_has_rows(connection, table) for table in tables) else Content.NOTHING


def _has_rows(connection: Connection, table: Table) -> bool:
    query = select(literal(1)).select_from(table).limit(1)
    if table is line_state:
        # The first migration makes its row.
        query = query.where((table.c.virtual_time != 0) | table.c.pause_reason.is_not(None))
    return connection.execute(query).scalar() is not None


@asynccontextmanager
async def opened_target(url: str, options: ServerOptions) -> AsyncIterator[Target]:
    """The database at ``url``, which belongs to this process, brought to the newest schema. Raises
    :class:`StorageError`."""
    await asyncio.to_thread(migrate.upgrade_sync, url, keep_copy=False)
    transactions = open_transactions(url, options)
    try:
        yield Target(url, transactions)
    finally:
        await transactions.close()
