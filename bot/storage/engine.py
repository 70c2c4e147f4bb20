"""Connections to SQLite and the threads that use them.

A transaction is a function of a :class:`sqlalchemy.Connection`. Writes run one after another on a thread of
their own, between ``BEGIN IMMEDIATE`` and ``COMMIT``, those that wait together in one commit; reads run beside
them on two more threads and never wait for a write (WAL, https://www.sqlite.org/wal.html). One hop to a thread
per transaction, instead of one per statement, and nothing of SQLAlchemy's ORM in memory:
docs/decisions/0004-database-threads.md.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DataError, IntegrityError, InterfaceError, SQLAlchemyError

from bot.errors import ConfigError, StorageError, ValueRefused

if TYPE_CHECKING:
    from sqlalchemy.pool import ConnectionPoolEntry

T = TypeVar("T")

BUSY_SECONDS = 10.0
"""How long a write waits for another process's write before it fails."""

READERS = 2

TOGETHER = 16
"""So many writes share a commit at the most: what is urgent waits for no more than these."""

_REFUSED = (DataError, IntegrityError, InterfaceError, OverflowError, UnicodeError)
"""What the same values meet again. The last two come from the driver itself, which binds integers of up to 64 bits
and text that is valid Unicode (Python docs, ``sqlite3``, "SQLite and Python types")."""

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


class _Job(Generic[T]):
    """A transaction's inside, and where its result goes."""

    def __init__(self, work: Callable[[Connection], T]) -> None:
        self._work = work
        self.result: Future[T] = Future()

    def alone(self, engine: Engine) -> None:
        """Run in a transaction of its own."""
        try:
            with engine.begin() as connection:
                value = self._work(connection)
        except BaseException as error:  # noqa: BLE001  # handed to whoever waits, as an executor does
            self.result.set_exception(error)
        else:
            self.result.set_result(value)

    def among_others(self, connection: Connection) -> Callable[[], None]:
        """Run in a savepoint of a transaction; returns what tells the result once that is committed.

        Raises the database's errors: what they left of the transaction is not known. Any other undoes this job
        alone.
        """
        try:
            with connection.begin_nested():
                value = self._work(connection)
        except (SQLAlchemyError, sqlite3.Error):
            raise
        except BaseException as error:  # noqa: BLE001  # handed to whoever waits, as an executor does
            return partial(self.result.set_exception, error)
        return partial(self.result.set_result, value)


class _Worker:
    """Threads that run jobs, those that are urgent first, up to ``together`` of them in one transaction."""

    def __init__(self, engine: Engine, *, threads: int, together: int, name: str) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._together = together
        self._urgent: deque[_Job[Any]] = deque()
        self._ordinary: deque[_Job[Any]] = deque()

    def submit(self, work: Callable[[Connection], T], *, urgent: bool) -> Future[T]:
        """Run ``work`` as soon as a thread is free. Called from one thread."""
        job = _Job(work)
        (self._urgent if urgent else self._ordinary).append(job)
        self._threads.submit(self._next)
        return job.result

    def close(self) -> None:
        """Finish what was submitted and close the connections."""
        self._threads.shutdown()
        self._engine.dispose()

    def _next(self) -> None:
        jobs = [job for job in self._taken() if job.result.set_running_or_notify_cancel()]
        if len(jobs) > 1 and self._all(jobs):
            return
        for job in jobs:
            job.alone(self._engine)

    def _taken(self) -> list[_Job[Any]]:
        # A deque's ends are safe to use from several threads.
        jobs: list[_Job[Any]] = []
        for line in (self._urgent, self._ordinary):
            try:
                while len(jobs) < self._together:
                    jobs.append(line.popleft())
            except IndexError:
                if jobs:
                    break
        return jobs

    def _all(self, jobs: Sequence[_Job[Any]]) -> bool:
        """Run the jobs in one transaction; False when the database refused one of them, and nothing was kept."""
        try:
            with self._engine.begin() as connection:
                told = [job.among_others(connection) for job in jobs]
        except (SQLAlchemyError, sqlite3.Error):
            return False
        for tell in told:
            tell()
        return True


class Transactions:
    """Runs transactions. Safe for any number of tasks of one event loop."""

    def __init__(self, file: Path) -> None:
        self._writer = open_engine(file, read_only=False)
        self._reader = open_engine(file, read_only=True)
        self._writes = _Worker(self._writer, threads=1, together=TOGETHER, name="db-write")
        self._reads = _Worker(self._reader, threads=READERS, together=1, name="db-read")

    async def write(self, work: Callable[[Connection], T], *, urgent: bool = False) -> T:
        """Run ``work`` in a transaction that is committed and on disk when this returns.

        Writes that wait at the same time share one transaction, each in a savepoint of its own: when the disk
        makes a commit slow, many take little longer than one. Should the database refuse one of them, all are
        run anew by themselves, so ``work`` must change nothing but the database.

        ``urgent`` writes overtake the others that wait: a pipeline stands idle until the next question is taken,
        however many join the line at that moment. Each kind keeps its order.

        A :class:`BotError` raised by ``work`` rolls it back and passes through; the database's own errors
        become :class:`StorageError`, those that the same values would meet again :class:`ValueRefused`. When the
        caller is cancelled the transaction runs whole or not at all.

        ``work`` may begin long after this was called: it waits for other writes, and for another process's lock.
        A time that must be true when it runs is read inside it.
        """
        return await self._run(self._writes, work, urgent=urgent)

    async def read(self, work: Callable[[Connection], T], *, urgent: bool = False) -> T:
        """Run ``work`` on one consistent snapshot, ``urgent`` before others that wait. Raises
        :class:`StorageError`."""
        return await self._run(self._reads, work, urgent=urgent)

    async def close(self) -> None:
        """Finish what was begun and close every connection."""
        await asyncio.to_thread(self._close)

    async def _run(self, worker: _Worker, work: Callable[[Connection], T], *, urgent: bool) -> T:
        try:
            return await asyncio.wrap_future(worker.submit(work, urgent=urgent))
        except _REFUSED as exc:
            raise ValueRefused(_described(exc)) from exc
        except (SQLAlchemyError, sqlite3.Error) as exc:
            raise StorageError(_described(exc)) from exc

    def _close(self) -> None:
        self._writes.close()
        self._reads.close()


def _described(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return f"database: {type(cause).__name__}: {cause}"
