"""Connections to SQLite and the threads that use them.

A transaction is a function of a :class:`sqlalchemy.Connection`. Writes run one after another on a thread of
their own, each between ``BEGIN IMMEDIATE`` and ``COMMIT``; reads run beside them on two more threads and
never wait for a write (WAL, https://www.sqlite.org/wal.html). One hop to a thread per transaction, instead
of one per statement, and nothing of SQLAlchemy's ORM in memory: docs/decisions/0004-database-threads.md.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from bot.errors import ConfigError, StorageError

if TYPE_CHECKING:
    from sqlalchemy.pool import ConnectionPoolEntry

T = TypeVar("T")

BUSY_SECONDS = 10.0
"""How long a write waits for another process's write before it fails."""

READERS = 2

DRIVERS = ("sqlite", "sqlite+aiosqlite", "sqlite+pysqlite")


def database_file(url: str) -> Path:
    """The file that ``url`` names; its parent folder need not exist.

    Raises :class:`ConfigError` for anything but a SQLite file.
    """
    remedy = "DATABASE_URL: use a SQLite file, for example sqlite+aiosqlite:///data/bot.db"
    try:
        parsed = make_url(url)
    except ArgumentError as exc:
        raise ConfigError(remedy) from exc
    if parsed.drivername not in DRIVERS or not parsed.database or parsed.database == ":memory:":
        raise ConfigError(remedy)
    return Path(parsed.database)


def _configure(connection: sqlite3.Connection, *, read_only: bool) -> None:
    # The driver must not begin transactions by itself: SQLAlchemy's recipe at
    # https://docs.sqlalchemy.org/en/21/dialects/sqlite.html#sqlite-transactions
    connection.isolation_level = None
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


def open_engine(file: Path, *, read_only: bool) -> Engine:
    """An engine on ``file``, which connects at first use. Parameters never appear in its errors or logs."""
    engine = create_engine(
        URL.create("sqlite", database=str(file)),
        pool_size=READERS if read_only else 1,
        max_overflow=0,
        pool_reset_on_return=None,  # every transaction here is ended by its own block
        hide_parameters=True,
    )
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    def on_connect(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        _configure(connection, read_only=read_only)

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
    return engine


class _Threads:
    """Threads with two queues before them."""

    def __init__(self, count: int, name: str) -> None:
        self._threads = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._urgent: deque[Callable[[], None]] = deque()
        self._ordinary: deque[Callable[[], None]] = deque()

    def submit(self, work: Callable[[], T], *, urgent: bool) -> Future[T]:
        """Run ``work`` as soon as a thread is free. Called from one thread."""
        result: Future[T] = Future()

        def run() -> None:
            if not result.set_running_or_notify_cancel():
                return
            try:
                value = work()
            except BaseException as error:  # noqa: BLE001  # handed to whoever waits, as the executor itself does
                result.set_exception(error)
            else:
                result.set_result(value)

        (self._urgent if urgent else self._ordinary).append(run)
        self._threads.submit(self._next)
        return result

    def shutdown(self) -> None:
        """Finish what was submitted."""
        self._threads.shutdown()

    def _next(self) -> None:
        # There is one call for each thing submitted, so one of the two is never empty here. A deque's ends are
        # safe to use from several threads.
        try:
            work = self._urgent.popleft()
        except IndexError:
            work = self._ordinary.popleft()
        work()


class Transactions:
    """Runs transactions. Safe for any number of tasks of one event loop."""

    def __init__(self, file: Path) -> None:
        self._writer = open_engine(file, read_only=False)
        self._reader = open_engine(file, read_only=True)
        self._writes = _Threads(1, "db-write")
        self._reads = _Threads(READERS, "db-read")

    async def write(self, work: Callable[[Connection], T], *, urgent: bool = False) -> T:
        """Run ``work`` in a transaction that is committed and on disk when this returns.

        ``urgent`` writes overtake the others that wait: a pipeline stands idle until the next question is taken,
        however many join the line at that moment. Each kind keeps its order.

        A :class:`BotError` raised by ``work`` rolls it back and passes through; the database's own errors
        become :class:`StorageError`. When the caller is cancelled the transaction runs whole or not at all.
        """
        return await self._run(self._writes, self._writer, work, urgent=urgent)

    async def read(self, work: Callable[[Connection], T], *, urgent: bool = False) -> T:
        """Run ``work`` on one consistent snapshot, ``urgent`` before others that wait. Raises
        :class:`StorageError`."""
        return await self._run(self._reads, self._reader, work, urgent=urgent)

    async def close(self) -> None:
        """Finish what was begun and close every connection."""
        await asyncio.to_thread(self._close)

    async def _run(self, threads: _Threads, engine: Engine, work: Callable[[Connection], T], *, urgent: bool) -> T:
        def transaction() -> T:
            with engine.begin() as connection:
                return work(connection)

        try:
            return await asyncio.wrap_future(threads.submit(transaction, urgent=urgent))
        except (SQLAlchemyError, sqlite3.Error) as exc:
            cause = getattr(exc, "orig", None) or exc
            raise StorageError(f"database: {type(cause).__name__}: {cause}") from exc

    def _close(self) -> None:
        self._writes.shutdown()
        self._reads.shutdown()
        self._writer.dispose()
        self._reader.dispose()
