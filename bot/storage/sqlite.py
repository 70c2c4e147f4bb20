"""Engines on a SQLite file: one connection that writes, two that read beside it.

Reads use snapshots of the last commit and never wait for a write (WAL, https://www.sqlite.org/wal.html).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.storage.group_commit import BRIEF
from bot.storage.sqlite_driver import StatementConnection, connected
from bot.storage.statements import UNASKED

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor, ExecutionContext
    from sqlalchemy.pool import ConnectionPoolEntry

BUSY_SECONDS = 10.0
"""How long a write waits for a write of somebody else (an open ``sqlite3`` session) before it fails."""

READERS = 2


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
            driver.runs_here = bool(connection.info.get(BRIEF))

    event.listen(engine, "before_cursor_execute", on_execute)
    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
