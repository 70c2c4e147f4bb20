"""Transactions on the database that ``DATABASE_URL`` names.

A transaction is a plain function of a :class:`sqlalchemy.Connection`, run by an asynchronous engine through
``AsyncConnection.run_sync``. The stores know only :class:`Transactions`, not the engine below it
(:mod:`bot.storage.sqlite`). The reasons are in docs/decisions/0015-storage-on-the-async-engine.md.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DataError, IntegrityError, InterfaceError, SQLAlchemyError

from bot.errors import ConfigError, DatabaseLocked, StorageError, ValueRefused
from bot.storage.file_watch import FileWatch
from bot.storage.group_commit import TOGETHER, JobRunner, cause_of, is_lock
from bot.storage.sqlite import READERS, open_engine

T = TypeVar("T")

DRIVERS = ("sqlite", "sqlite+aiosqlite", "sqlite+pysqlite")

_REFUSED = (DataError, IntegrityError, InterfaceError, OverflowError, UnicodeError)
"""Errors that the same values would cause again. The last two come from the driver itself, which binds integers of
up to 64 bits and text that is valid Unicode (Python docs, ``sqlite3``, "SQLite and Python types")."""


class Transactions:
    """Runs transactions on a SQLite file, for any number of tasks of one event loop.

    The file belongs to this process (:class:`bot.storage.process_lock.ProcessLock`).

    ``work`` may be run more than once, so it changes nothing but the database. A :class:`BotError` that it raises
    rolls the transaction back and passes through; the database's own errors become :class:`StorageError`. When
    the caller is cancelled, the transaction runs whole or not at all.
    """

    def __init__(self, file: Path) -> None:
        self.watch = FileWatch(file)
        writer, reader = open_engine(file, read_only=False), open_engine(file, read_only=True)
        self._writes = JobRunner(writer, connections=1, together=TOGETHER)
        self._reads = JobRunner(reader, connections=READERS, together=1)

    async def write(self, work: Callable[[Connection], T], *, urgent: bool = False, brief: bool = False) -> T:
        """Run ``work`` in a transaction that is committed and on disk when this returns.

        Writes that wait at the same time share one transaction, each in a savepoint of its own: when the disk
        makes a commit slow, many take little longer than one. If the database refuses one of them, all are run
        again one by one.

        ``urgent`` writes overtake the others that wait: a pipeline is idle until the next question is taken,
        however many questions join the queue at that moment. Each kind keeps its order.

        ``brief`` work reads and changes a few rows through indexes. Once its transaction has begun, its statements
        run on the event loop's thread, which costs less than the way to the connection's thread and back; nothing
        else runs meanwhile. What waits for a lock or for the disk, the beginning and the commit, always runs on
        the connection's thread.
        """
        return await self._run(self._writes, work, urgent=urgent, brief=brief)

    async def read(self, work: Callable[[Connection], T], *, urgent: bool = False) -> T:
        """Run ``work`` on a snapshot of the last commit, without waiting for writes. ``urgent`` ones run before
        others that wait."""
        return await self._run(self._reads, work, urgent=urgent, brief=False)

    async def close(self) -> None:
        """Finish what was submitted and close every connection."""
        try:
            await self._writes.close()
        finally:
            await self._reads.close()

    async def _run(self, runner: JobRunner, work: Callable[[Connection], T], *, urgent: bool, brief: bool) -> T:
        try:
            return await runner.submit(work, urgent=urgent, brief=brief)
        except _REFUSED as exc:
            raise ValueRefused(_described(exc)) from exc
        except (SQLAlchemyError, sqlite3.Error) as exc:
            cause = cause_of(exc)
            self.watch.note(cause)
            kind = DatabaseLocked if is_lock(cause) else StorageError
            raise kind(_described(exc)) from exc


def _described(error: Exception) -> str:
    cause = cause_of(error)
    return f"database: {type(cause).__name__}: {cause}"


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
