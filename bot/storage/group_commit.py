"""Run the transactions that tasks hand in, urgent ones first; those that wait together share one commit."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.errors import StorageError
from bot.storage.sqlite_driver import StatementConnection

T = TypeVar("T")

BRIEF = "brief"
"""The entry of a connection's ``info`` that says whether the transaction that runs is brief."""

_SYNCHRONOUS = "synchronous"
"""The entry that says whether a connection's commits wait for the disk: FULL, as it is opened, or NORMAL."""

TOGETHER = 64
"""The most writes that share a commit: an urgent write waits for no more than these, and the event loop for no
more brief ones, about half a millisecond each."""


class _Job(Generic[T]):
    """The work of a transaction, and the future for its result."""

    def __init__(self, work: Callable[[Connection], T], *, brief: bool, lasting: bool) -> None:
        self._work = work
        self._brief = brief
        self.lasting = lasting
        self.result: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    def run(self, connection: Connection) -> None:
        """Run in a transaction of its own."""
        connection.info[BRIEF] = self._brief
        try:
            with _committed(connection, lasting=self.lasting):
                value = self._work(connection)
        except Exception as error:  # noqa: BLE001  # passed to the task that waits
            self.fail(error)
        else:
            self._succeed(value)

    def run_in_savepoint(self, connection: Connection) -> Callable[[], None]:
        """Run in a savepoint of a transaction; returns a function that sets the result, to be called after the
        commit.

        Raises the database's errors, after which the state of the transaction is not known. Any other error undoes
        only this job.
        """
        connection.info[BRIEF] = self._brief
        driver = connection.connection.driver_connection
        assert isinstance(driver, StatementConnection)  # noqa: S101  # of the engine's creator
        # Not SQLAlchemy's savepoints: it compiles their statements anew each time, which took as long as the work.
        driver.defer("SAVEPOINT job")
        try:
            value = self._work(connection)
        except (SQLAlchemyError, sqlite3.Error):
            raise
        except Exception as error:  # noqa: BLE001  # passed to the task that waits
            driver.defer("ROLLBACK TO job")
            return partial(self.fail, error)
        finally:
            driver.defer("RELEASE job")
        return partial(self._succeed, value)

    def fail(self, error: BaseException) -> None:
        """Raise ``error`` where the result is awaited, if it still is."""
        if not self.result.done():
            self.result.set_exception(error)

    def _succeed(self, value: T) -> None:
        if not self.result.done():
            self.result.set_result(value)


class JobRunner:
    """Runs jobs on up to ``connections`` connections, urgent jobs first, up to ``together`` of them in one
    transaction.

    The tasks that run them belong to the worker: a caller that is cancelled leaves the transaction alone.
    """

    def __init__(self, engine: AsyncEngine, *, connections: int, together: int) -> None:
        self.engine = engine
        self._connections = connections
        self._together = together
        self._urgent: deque[_Job[Any]] = deque()
        self._ordinary: deque[_Job[Any]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        # A task that found no more jobs stays in the set for one more turn of the event loop.
        self._looking = 0
        self._closed = False

    def submit(
        self, work: Callable[[Connection], T], *, urgent: bool, brief: bool = False, lasting: bool = True
    ) -> asyncio.Future[T]:
        """Run ``work`` as soon as a connection is free. Raises :class:`StorageError` after :meth:`close`."""
        if self._closed:
            raise StorageError("database: it is closed")
        job = _Job(work, brief=brief, lasting=lasting)
        (self._urgent if urgent else self._ordinary).append(job)
        if self._looking < self._connections:
            self._looking += 1
            task = asyncio.create_task(self._run_jobs(), name="database")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return job.result

    async def close(self) -> None:
        """Finish what was submitted and close the connections."""
        try:
            await self.finish()
        finally:
            await self.engine.dispose()

    async def finish(self) -> None:
        """Finish what was submitted, and take nothing more. Every connection is back in its pool then."""
        self._closed = True
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _run_jobs(self) -> None:
        try:
            while jobs := self._next():
                await self._run_with_connection(jobs)
        finally:
            self._looking -= 1

    async def _run_with_connection(self, jobs: Sequence[_Job[Any]]) -> None:
        try:
            async with self.engine.connect() as connection:
                await connection.run_sync(self._run, jobs)
        except Exception as error:  # noqa: BLE001  # handed to those who wait
            for job in jobs:
                job.fail(error)
        finally:
            # Only when this task is cancelled are there jobs without a result.
            for job in jobs:
                job.result.cancel()

    def _next(self) -> list[_Job[Any]]:
        jobs: list[_Job[Any]] = []
        for waiting in (self._urgent, self._ordinary):
            while waiting and len(jobs) < self._together:
                job = waiting.popleft()
                # When a caller was cancelled, the result of its job is done before the job began.
                if not job.result.done():
                    jobs.append(job)
        return jobs

    def _run(self, connection: Connection, jobs: Sequence[_Job[Any]]) -> None:
        if len(jobs) > 1 and self._run_together(connection, jobs):
            return
        for job in jobs:
            job.run(connection)

    def _run_together(self, connection: Connection, jobs: Sequence[_Job[Any]]) -> bool:
        """Run the jobs in one transaction; False when the database refused one of them, and nothing was kept.

        Raises the error when another program holds the database: each job by itself would wait as long again.
        """
        try:
            with _committed(connection, lasting=any(job.lasting for job in jobs)):
                told = [job.run_in_savepoint(connection) for job in jobs]
        except (SQLAlchemyError, sqlite3.Error) as error:
            if is_lock(cause_of(error)):
                raise
            return False
        for tell in told:
            tell()
        return True


@contextmanager
def _committed(connection: Connection, *, lasting: bool) -> Iterator[None]:
    """A transaction. The commit of one that is not lasting does not wait for the disk where that can be chosen."""
    driver = connection.connection.driver_connection
    wanted = "FULL" if lasting else "NORMAL"
    if isinstance(driver, StatementConnection) and connection.info.get(_SYNCHRONOUS, "FULL") != wanted:
        driver.defer(f"PRAGMA synchronous = {wanted}")
        connection.info[_SYNCHRONOUS] = wanted
    try:
        with connection.begin():
            yield
    except BaseException:
        # What was deferred may have been dropped.
        connection.info[_SYNCHRONOUS] = "not known"
        raise


def cause_of(error: Exception) -> BaseException:
    """The driver's error, of one that SQLAlchemy may have wrapped."""
    return getattr(error, "orig", None) or error


def is_lock(cause: BaseException) -> bool:
    """Whether SQLite gave up waiting for another program's write (https://www.sqlite.org/rescode.html#busy)."""
    code = getattr(cause, "sqlite_errorcode", None)
    return code is not None and code & 0xFF == sqlite3.SQLITE_BUSY
