"""Transactions on a SQLite file: one writer, whose waiting writes share a commit, and readers beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, SQLAlchemyError

from bot.errors import DatabaseLocked, StorageError, ValueRefused
from bot.storage.file_watch import FileWatch
from bot.storage.group_commit import TOGETHER, JobRunner, cause_of, is_lock
from bot.storage.sqlite import READERS, open_engine

T = TypeVar("T")

_REFUSED = (DataError, IntegrityError, InterfaceError, OverflowError, UnicodeError)
"""Errors that the same values would cause again. The last two come from the driver itself, which binds integers of
up to 64 bits and text that is valid Unicode (Python docs, ``sqlite3``, "SQLite and Python types")."""


class SqliteTransactions:
    """Runs transactions on a SQLite file, for any number of tasks of one event loop. The contract of every method
    is :class:`bot.storage.engine.Transactions`'s.

    The file belongs to this process (:class:`bot.storage.process_lock.ProcessLock`).
    """

    def __init__(self, file: Path) -> None:
        self.watch = FileWatch(file)
        self.changes = None  # no other process uses the file
        writer, reader = open_engine(file, read_only=False), open_engine(file, read_only=True)
        self._writes = JobRunner(writer, connections=1, together=TOGETHER)
        self._reads = JobRunner(reader, connections=READERS, together=1)

    async def write(
        self, work: Callable[[Connection], T], *, urgent: bool = False, brief: bool = False, lasting: bool = True
    ) -> T:
        """Run ``work`` in a transaction that is committed and on disk when this returns.

        Writes that wait at the same time share one transaction, each in a savepoint of its own: when the disk
        makes a commit slow, many take little longer than one. If the database refuses one of them, all are run
        again one by one.

        Once the transaction of ``brief`` work has begun, its statements run on the event loop's thread, which
        costs less than the way to the connection's thread and back; nothing else runs meanwhile. What waits for a
        lock or for the disk, the beginning and the commit, always runs on the connection's thread.

        A commit that holds nothing ``lasting`` does not wait for the disk (https://www.sqlite.org/pragma.html,
        "synchronous": in WAL mode the file stays whole in any case).
        """
        return await self._run(self._writes, work, urgent=urgent, brief=brief, lasting=lasting)

    async def read(self, work: Callable[[Connection], T], *, urgent: bool = False) -> T:
        """Run ``work`` on a snapshot of the last commit, without waiting for writes."""
        return await self._run(self._reads, work, urgent=urgent, brief=False, lasting=True)

    async def close(self) -> None:
        """Finish what was submitted and close every connection."""
        try:
            await self._writes.close()
        finally:
            await self._reads.close()

    async def _run(
        self, runner: JobRunner, work: Callable[[Connection], T], *, urgent: bool, brief: bool, lasting: bool
    ) -> T:
        try:
            return await runner.submit(work, urgent=urgent, brief=brief, lasting=lasting)
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
