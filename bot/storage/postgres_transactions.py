"""Transactions on a PostgreSQL server, each repeated when it met another one or lost its connection.

A connection may break while its commit is on the way, so that nobody here knows whether it happened. The server
knows: each transaction that wrote has a number, whose state can be asked for afterwards
(https://www.postgresql.org/docs/current/functions-info.html, ``pg_xact_status``). A write is repeated only when it
was undone, so no question is lost and none is doubled.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog
from sqlalchemy import Connection, text

from bot.clock import Clock, SystemClock
from bot.errors import BotError, StorageError
from bot.storage.dialects import NUMBER, QUEUE_CHANGED
from bot.storage.engine import ServerOptions
from bot.storage.group_commit import JobRunner
from bot.storage.postgres import open_engine
from bot.storage.postgres_changes import CHANNEL, PostgresChanges
from bot.storage.postgres_errors import Failure, failure_of, sqlstate_of, storage_error
from bot.storage.postgres_watch import ConnectionWatch

log = structlog.get_logger(__name__)

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds for which a transaction is repeated while the server cannot be reached, as during its restart."""

OUTCOME_PATIENCE = 30.0
"""Seconds for which the server is asked what became of a commit."""

CONFLICTS = 8
"""How often a transaction is repeated that met another one."""

PAUSE, LONGEST_PAUSE = 0.05, 1.0
"""Seconds before the first repetition, and the most before a later one; half of each is by chance, so that two
transactions which met do not meet again."""

_IN_FUTURE = "22023"

_NUMBER = text("SELECT CAST(pg_current_xact_id_if_assigned() AS text)")
_TELL = text("SELECT pg_notify(:channel, :me)")
_STATUS = text("SELECT pg_xact_status(CAST(CAST(:number AS text) AS xid8))")


class _Attempt(Generic[T]):
    """One run of a transaction: its number at the server, once nothing but the commit is left to do."""

    def __init__(self, work: Callable[[Connection], T], me: str) -> None:
        self._work = work
        self._me = me
        self.number: str | None = None
        self.value: T

    def run(self, connection: Connection) -> T:
        """Do the work; the caller commits."""
        connection.info[QUEUE_CHANGED], connection.info[NUMBER] = False, None
        self.value = self._work(connection)
        if connection.info[QUEUE_CHANGED]:
            connection.execute(_TELL, {"channel": CHANNEL, "me": self._me})
        # None when nothing was written: then it does not matter whether it is committed.
        self.number = connection.info[NUMBER] or connection.execute(_NUMBER).scalar()
        return self.value


class PostgresTransactions:
    """Runs transactions on a PostgreSQL server. The contract of every method is
    :class:`bot.storage.engine.Transactions`'s.

    Others may write at the same time, in this process too: see :mod:`bot.storage.dialects`.
    """

    def __init__(self, url: str, options: ServerOptions, clock: Clock | None = None) -> None:
        """Raises :class:`ConfigError` when ``url`` names no database of a PostgreSQL server."""
        writers = max(1, options.connections // 2)
        readers = max(1, options.connections - writers)
        engine = open_engine(url, connections=writers + readers, statement_seconds=options.statement_seconds)
        self.me = secrets.token_hex(8)
        self.changes = PostgresChanges(url, self.me, clock or SystemClock())
        self.watch = ConnectionWatch()
        self._clock = clock or SystemClock()
        self._engine = engine
        self._writes = JobRunner(engine, connections=writers, together=1)
        # All statements of a read see the same commit.
        snapshots = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._reads = JobRunner(snapshots, connections=readers, together=1)

    async def write(
        self,
        work: Callable[[Connection], T],
        *,
        urgent: bool = False,
        brief: bool = False,  # noqa: ARG002  # of the port
        lasting: bool = True,  # noqa: ARG002  # of the port
    ) -> T:
        """Run ``work`` in a transaction of its own, and repeat it while it meets others or has lost its
        connection. ``brief`` makes no difference, nor does ``lasting``: when the server's machine ends, processes
        elsewhere go on with what they were told."""
        repeats = _Repeats(self._clock)
        while True:
            attempt = _Attempt(work, self.me)
            try:
                value = await self._writes.submit(attempt.run, urgent=urgent)
            except Exception as error:  # noqa: BLE001  # what is not the database's is raised again
                failure = self._noted(error)
                if failure is Failure.LOST and attempt.number is not None:
                    if await self._is_committed(attempt.number):
                        return attempt.value
                    failure = Failure.CONFLICT  # it was undone, whatever the reason
                await self._repeat_later(repeats, failure, error)
            else:
                self.watch.worked()
                return value

    async def read(self, work: Callable[[Connection], T], *, urgent: bool = False) -> T:
        """Run ``work`` on a snapshot of the last commit; repeats it as :meth:`write` does."""
        repeats = _Repeats(self._clock)
        while True:
            try:
                value = await self._reads.submit(work, urgent=urgent)
            except Exception as error:  # noqa: BLE001  # what is not the database's is raised again
                await self._repeat_later(repeats, self._noted(error), error)
            else:
                self.watch.worked()
                return value

    async def close(self) -> None:
        """Finish what was submitted and close every connection."""
        try:
            await self._writes.finish()
            await self._reads.finish()
        finally:
            # They share the pool, which closes only what is in it.
            await self._engine.dispose()

    def _noted(self, error: Exception) -> Failure:
        """What ``error`` means. Raises it again when it is not the database's."""
        failure = None if isinstance(error, BotError) else failure_of(error)
        if failure is None:
            raise error
        self.watch.note(failure, error)
        return failure

    async def _repeat_later(self, repeats: _Repeats, failure: Failure, error: Exception) -> None:
        """Return when the transaction may be tried again. Raises :class:`StorageError` when it may not."""
        pause = repeats.pause(failure)
        if pause is None:
            raise storage_error(error, failure) from error
        await self._clock.sleep(pause)

    async def _is_committed(self, number: str) -> bool:
        """Whether the transaction with this number was committed. Raises :class:`StorageError` when nobody can
        tell."""
        until = self._clock.monotonic() + OUTCOME_PATIENCE
        log.warning("database.commit_unknown", transaction=number, patience=OUTCOME_PATIENCE)
        while self._clock.monotonic() < until:
            try:
                found = await self._reads.submit(
                    lambda connection: connection.execute(_STATUS, {"number": number}).scalar(), urgent=True
                )
            except Exception as error:
                if sqlstate_of(error) == _IN_FUTURE:
                    # A server that took over and never heard of it.
                    return False
                if self._noted(error) is not Failure.LOST:
                    raise storage_error(error, Failure.OTHER) from error
                found = None
            if found in {"committed", "aborted"}:
                log.info("database.commit_known", transaction=number, outcome=found)
                return bool(found == "committed")
            await self._clock.sleep(PAUSE)
        raise StorageError(f"database: the server does not tell whether transaction {number} was committed")


class _Repeats:
    """How often a transaction was repeated, and whether it may be once more."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun = clock.monotonic()
        self._conflicts = 0
        self._contradictions = 0
        self._all = 0

    def pause(self, failure: Failure) -> float | None:
        """Seconds until the next attempt after ``failure``; None when there is none."""
        if failure is Failure.CONFLICT:
            self._conflicts += 1
            may = self._conflicts <= CONFLICTS
        elif failure is Failure.CONTRADICTION:
            self._contradictions += 1
            may = self._contradictions <= 1
        else:
            may = failure is Failure.LOST and self._clock.monotonic() - self._begun < PATIENCE
        if not may:
            return None
        longest: float = min(LONGEST_PAUSE, PAUSE * 2**self._all)
        self._all += 1
        return longest * (0.5 + random.random() / 2)
