"""A lock that gives a database of a PostgreSQL server to one process at a time.

It is an advisory lock of a session of its own, from before the migrations until the process ends
(https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS). The server releases it with the
session: at once when the process is killed, and within half a minute when its machine is gone.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.clock import Clock
from bot.errors import DatabaseInUse, StorageError
from bot.storage.addresses import shown
from bot.storage.postgres import APPLICATION, LOCK_SECONDS, open_engine_for_migrations
from bot.storage.postgres_errors import Failure, failure_of, storage_error

log = structlog.get_logger(__name__)

TRY_EVERY = 0.25
"""Seconds between two attempts to take the lock from a process that is ending."""

START_PATIENCE, TRY_AGAIN = 30.0, 2.0
"""Seconds for which a start waits for a server that does not answer, which may be starting too; and between two
attempts."""

LOOK_EVERY = 2.0
"""Seconds between two looks at whether the session lives."""

_CLASS = 0x7061_7261
"""The first half of the lock's number. The second is the schema, so that two bots may share a database."""

_TRY = text("SELECT pg_try_advisory_lock(:kind, hashtext(current_schema()))")
_NAME = text("SELECT set_config('application_name', :name, false)")
# A session of this process that the server still believes in, though its connection is broken.
_END_GHOSTS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name = :name AND pid <> pg_backend_pid() AND datname = current_database()"
)


class PostgresLock:
    """A lock that is held: no other process uses the database. ``me`` names this process; no process had this name
    before."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.me = secrets.token_hex(8)
        self._place = shown(url)
        self._clock = clock
        self._engine: AsyncEngine = open_engine_for_migrations(url).execution_options(isolation_level="AUTOCOMMIT")
        self._session: AsyncConnection | None = None

    def is_alive(self, owner: str) -> bool:
        """Whether the process of this name lives: only the one that holds the lock does."""
        return owner == self.me

    @classmethod
    @asynccontextmanager
    async def held(cls, url: str, clock: Clock, *, wait: bool) -> AsyncIterator[PostgresLock]:
        """Hold the lock inside the block; with ``wait``, once no other process holds it, or the server answers.

        Raises :class:`DatabaseInUse` when another process holds it, :class:`StorageError` when the server refuses
        this one, or does not answer and ``wait`` is false.
        """
        lock = cls(url, clock)
        try:
            await lock._taken(wait=wait)
            yield lock
        finally:
            await lock._leave()
            await lock._engine.dispose()

    async def watch(self, clock: Clock) -> None:
        """Keep the lock. When the session is lost, for example because the server was started again, take it anew.

        Raises :class:`StorageError` when another process was faster.
        """
        is_lost = False
        while True:
            await clock.sleep(LOOK_EVERY)
            try:
                if self._session is None:
                    await self._regain()
                    is_lost = False
                else:
                    async with asyncio.timeout(LOCK_SECONDS):
                        await self._session.execute(text("SELECT 1"))
            except DatabaseInUse as error:
                log.critical("database.lost", detail=f"{error}: it was faster while the connection was broken")
                raise
            except Exception as error:  # noqa: BLE001  # only what is the database's; the rest is raised again
                detail = str(_translated(error, self._place))
                if not is_lost:
                    log.warning("database.session_lost", detail=detail)
                is_lost = True
                await self._leave()

    async def _regain(self) -> None:
        await self._try()
        log.info("database.session_regained", detail=f"the process owns {self._place} as before")

    async def _taken(self, *, wait: bool) -> None:
        said, is_unreachable, until = False, False, self._clock.monotonic() + START_PATIENCE
        while True:
            try:
                await self._try()
                break
            except DatabaseInUse as error:
                if not wait:
                    raise
                if not said:
                    log.warning("database.in_use", detail=f"{error}: waiting until it has ended")
                said, until = True, self._clock.monotonic() + START_PATIENCE
            except Exception as error:
                translated = _translated(error, self._place)
                await self._leave()
                if failure_of(error) is not Failure.LOST or not wait or self._clock.monotonic() >= until:
                    raise translated from error
                if not is_unreachable:
                    log.warning("database.unreachable", detail=str(translated), waits=START_PATIENCE)
                is_unreachable = True
                await self._clock.sleep(TRY_AGAIN)
                continue
            await self._clock.sleep(TRY_EVERY)
        if said:
            log.warning("database.free", detail=f"the other process has ended: using {self._place}")

    async def _try(self) -> None:
        """Take the lock in the session, which is opened when there is none. Raises :class:`DatabaseInUse`."""
        if self._session is None:
            name = f"{APPLICATION} {self.me}"
            session = self._session = await self._engine.connect()
            await session.execute(_END_GHOSTS, {"name": name})
            await session.execute(_NAME, {"name": name})
        if not (await self._session.execute(_TRY, {"kind": _CLASS})).scalar():
            raise DatabaseInUse(f"another process uses {self._place}")

    async def _leave(self) -> None:
        """Give up the session, and with it the lock."""
        session, self._session = self._session, None
        if session is None:
            return
        try:
            async with asyncio.timeout(LOCK_SECONDS):
                await session.invalidate()
                await session.close()
        except Exception as error:  # noqa: BLE001  # it is of no use any more, whatever it says
            log.debug("database.session_left", error=type(error).__name__)


def _translated(error: Exception, place: str) -> StorageError:
    """Raises ``error`` again when it is not the database's."""
    if isinstance(error, StorageError):
        return error
    failure = failure_of(error)
    if failure is None:
        raise error
    return StorageError(f"{place}: {storage_error(error, failure)}")
