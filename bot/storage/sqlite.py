"""SQLite through SQLAlchemy's asynchronous engine: one connection that writes, two that read beside it.

Writes that wait together share one commit, each in a savepoint. Reads use snapshots of the last commit and never
wait for a write (WAL, https://www.sqlite.org/wal.html).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.errors import DatabaseLocked, StorageError, ValueRefused
from bot.storage.group_commit import TOGETHER, JobRunner
from bot.storage.sqlite_driver import StatementConnection, connected
from bot.storage.statements import UNASKED

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor, ExecutionContext
    from sqlalchemy.pool import ConnectionPoolEntry

T = TypeVar("T")

BUSY_SECONDS = 10.0
"""How long a write waits for a write of somebody else (an open ``sqlite3`` session) before it fails."""

READERS = 2

_REFUSED = (DataError, IntegrityError, InterfaceError, OverflowError, UnicodeError)
"""Errors that the same values would cause again. The last two come from the driver itself, which binds integers of
up to 64 bits and text that is valid Unicode (Python docs, ``sqlite3``, "SQLite and Python types")."""


def _configure(connection: DBAPIConnection, *, read_only: bool) -> None:
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {int(BUSY_SECONDS * 1000)}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        # The default of 2 MB per connection would be most of what storage costs in memory.
        "cache_size = -1024" if read_only else "cache_size = -4096",
        f"query_only = {'ON' if read_only else 'OFF'}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def open_engine(file: Path, *, read_only: bool) -> AsyncEngine:
    """An engine on ``file``, which connects at first use. Parameters never appear in its errors or logs."""
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(file)),
        async_creator=partial(connected, file),
        pool_size=READERS if read_only else 1,
        max_overflow=0,
        pool_reset_on_return=None,  # every transaction here is ended by its own block
        hide_parameters=True,
    )
    _listen(engine.sync_engine, read_only=read_only)
    return engine


def open_engine_for_migrations(file: Path) -> Engine:
    """A synchronous engine on ``file``, with the same settings: Alembic runs migrations in a process of their own,
    in which nothing else waits."""
    engine = create_engine(
        URL.create("sqlite", database=str(file)),
        connect_args={"isolation_level": None},
        pool_reset_on_return=None,
        hide_parameters=True,
    )
    _listen(engine, read_only=False)
    return engine


def _listen(engine: Engine, *, read_only: bool) -> None:
    # The driver begins no transaction by itself (its isolation_level is None): SQLAlchemy's recipe at
    # https://docs.sqlalchemy.org/en/21/dialects/sqlite.html#sqlite-transactions
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    def on_connect(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        _configure(connection, read_only=read_only)

    def on_begin(connection: Connection) -> None:
        driver = connection.connection.driver_connection
        if isinstance(driver, StatementConnection):
            driver.defer(begin)
        else:
            connection.exec_driver_sql(begin)

    def on_execute(
        connection: Connection,
        _cursor: DBAPICursor,
        _statement: str,
        _parameters: object,
        context: ExecutionContext | None,
        executemany: bool,  # SQLAlchemy's own
    ) -> None:
        driver = connection.connection.driver_connection
        if isinstance(driver, StatementConnection):
            is_unasked = context is not None and bool(context.execution_options.get(UNASKED))
            driver.defers_next = is_unasked and not executemany

    event.listen(engine, "before_cursor_execute", on_execute)
    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)


class SqliteTransactions:
    """Transactions on a SQLite file, which this process has to itself
    (:class:`bot.storage.process_lock.ProcessLock`): see :class:`bot.storage.engine.Transactions`."""

    def __init__(self, file: Path) -> None:
        writer, reader = open_engine(file, read_only=False), open_engine(file, read_only=True)
        self._writes = JobRunner(writer, connections=1, together=TOGETHER)
        self._reads = JobRunner(reader, connections=READERS, together=1)

    async def write(self, work: Callable[[Connection], T], *, urgent: bool = False) -> T:
        """Run ``work`` in a transaction that is committed and on disk when this returns.

        Writes that wait at the same time share one transaction, each in a savepoint of its own: when the disk
        makes a commit slow, many take little longer than one. If the database refuses one of them, all are run
        again one by one.

        ``urgent`` writes overtake the others that wait: a pipeline is idle until the next question is taken,
        however many questions join the queue at that moment. Each kind keeps its order.
        """
        return await self._run(self._writes, work, urgent=urgent)

    async def read(self, work: Callable[[Connection], T], *, urgent: bool = False) -> T:
        """Run ``work`` on a snapshot of the last commit."""
        return await self._run(self._reads, work, urgent=urgent)

    async def close(self) -> None:
        """Finish what was submitted and close every connection."""
        try:
            await self._writes.close()
        finally:
            await self._reads.close()

    async def _run(self, worker: JobRunner, work: Callable[[Connection], T], *, urgent: bool) -> T:
        try:
            return await worker.submit(work, urgent=urgent)
        except _REFUSED as exc:
            raise ValueRefused(_described(exc)) from exc
        except (SQLAlchemyError, sqlite3.Error) as exc:
            kind = DatabaseLocked if _is_lock(exc) else StorageError
            raise kind(_described(exc)) from exc


def _is_lock(error: Exception) -> bool:
    code = getattr(getattr(error, "orig", None) or error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF == sqlite3.SQLITE_BUSY


def _described(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return f"database: {type(cause).__name__}: {cause}"
