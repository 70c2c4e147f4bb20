"""A session with a PostgreSQL server that lasts as long as the process, for its advisory locks and for what other
processes tell (``LISTEN``). When it is lost, it is opened anew with the same locks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.clock import Clock
from bot.errors import StorageError
from bot.storage.addresses import shown
from bot.storage.advisory_locks import GIVE_UP, GIVE_UP_SHARED, TAKE, TAKE_SHARED, Kind
from bot.storage.postgres import APPLICATION, LOCK_SECONDS, open_engine_for_migrations
from bot.storage.postgres_errors import failure_of, storage_error

log = structlog.get_logger(__name__)

TRIES, TRY_EVERY = 20, 0.1
"""How often, and how many seconds apart, locks are tried again that the session before may still have. All of them
together: meanwhile nothing else runs in the session."""

_ABSENT = object()
_NAME = text("SELECT set_config('application_name', :name, false)")
_LISTEN = "LISTEN {}"
# A machine that is gone says nothing: the server notices after 3 + 3 * 2 seconds, and gives its locks away. The
# pool's connections, which hold nothing while they are idle, take longer.
_NOTICED_SOON = text(
    "SELECT set_config('tcp_keepalives_idle', '3', false), set_config('tcp_keepalives_interval', '2', false),"
    " set_config('tcp_keepalives_count', '3', false)"
)
# A session of this process that the server still believes in, though its connection is broken.
_END_GHOSTS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name = :name AND pid <> pg_backend_pid() AND datname = current_database()"
)


class ServerSession:
    """One session. Its statements run one after the other; a failure of any of them ends it, until
    :meth:`open`."""

    def __init__(self, url: str, name: str, clock: Clock) -> None:
        """``name`` tells this process from all others. Raises :class:`ConfigError` when ``url`` names no database
        of a PostgreSQL server."""
        self.place = shown(url)
        self.lost = asyncio.Event()
        """Set when the session has ended by itself; for one consumer, which clears it."""
        self.reopened_at = float("-inf")
        """When the session was last opened anew (monotonic seconds)."""
        self._name = f"{APPLICATION} {name}"
        self._clock = clock
        self._engine: AsyncEngine = open_engine_for_migrations(url).execution_options(isolation_level="AUTOCOMMIT")
        self._connection: AsyncConnection | None = None
        self._is_broken = False
        self._running = asyncio.Lock()
        self._locks: dict[tuple[Kind, int], None] = {}
        self._heard: dict[str, Callable[[str], None]] = {}

    @property
    def is_open(self) -> bool:
        """Whether the session lives, as far as is known."""
        return self._connection is not None and not self._is_broken

    async def open(self) -> None:
        """Open the session, with the locks and the channels of the one before. Raises :class:`StorageError`."""
        async with self._running:
            await self._leave()
            self._is_broken = False
            try:
                async with asyncio.timeout(LOCK_SECONDS):
                    await self._opened()
                if self._locks:
                    self.reopened_at = self._clock.monotonic()
            except BaseException as error:
                await self._leave()
                raise translated(error, self.place) from error

    async def close(self) -> None:
        """End the session, and with it its locks."""
        await self._leave()
        await self._engine.dispose()

    async def rows(self, statement: TextClause, **values: object) -> Sequence[Row[Any]]:
        """Run a statement, which is a transaction of its own. Raises :class:`StorageError`; then the session is
        over."""
        async with self._running:
            connection = self._connection
            if connection is None or self._is_broken:
                raise StorageError(f"{self.place}: the session is lost")
            try:
                async with asyncio.timeout(LOCK_SECONDS):
                    return (await connection.execute(statement, values)).all()
            except BaseException as error:
                # Also when the wait was cancelled: the statement may be on its way.
                self._end()
                raise translated(error, self.place) from error

    async def take(self, kind: Kind, key: int) -> bool:
        """Take a lock; False when another session has it, which one of a shared kind does not hinder. It is kept
        until :meth:`give_up`. Raises :class:`StorageError`."""
        if (kind, key) in self._locks:
            return True
        taken = bool((await self.rows(_taking(kind), kind=int(kind), key=key))[0][0])
        if taken:
            self._locks[kind, key] = None
        return taken

    async def give_up(self, kind: Kind, key: int) -> None:
        """Let another session take a lock; no-op when it is not held. Raises :class:`StorageError`; then it is
        free too."""
        if (kind, key) in self._locks:
            del self._locks[kind, key]
            await self.rows(_giving_up(kind), kind=int(kind), key=key)

    async def hear(self, channel: str, heard: Callable[[str], None]) -> None:
        """Call ``heard`` with whatever is told on the channel from now on (``NOTIFY``). Raises
        :class:`StorageError`."""
        self._heard[channel] = heard
        async with self._running:
            if self._connection is not None:
                await self._listen(self._connection, channel)

    async def _opened(self) -> None:
        connection = self._connection = await self._engine.connect()
        driver = await self._driver(connection)
        driver.add_termination_listener(self._terminated)
        await connection.execute(_END_GHOSTS, {"name": self._name})
        await connection.execute(_NAME, {"name": self._name})
        await connection.execute(_NOTICED_SOON)
        for channel in self._heard:
            await self._listen(connection, channel)
        await self._take_again(connection)

    async def _take_again(self, connection: AsyncConnection) -> None:
        """Take the locks that the session before had, and perhaps still has. Some may be given up meanwhile."""
        left = TRIES
        for kind, key in tuple(self._locks):
            lock = {"kind": int(kind), "key": key}
            while not (taken := (await connection.execute(_taking(kind), lock)).scalar()) and left > 0:
                left -= 1
                await self._clock.sleep(TRY_EVERY)
            if taken and (kind, key) not in self._locks:
                await connection.execute(_giving_up(kind), lock)
            elif not taken and kind is Kind.PROCESS:
                raise StorageError(f"{self.place}: the session before is not over yet")
            elif not taken and self._locks.pop((kind, key), _ABSENT) is not _ABSENT:
                log.warning("database.lock_lost", kind=kind.name.lower())

    async def _listen(self, connection: AsyncConnection, channel: str) -> None:
        driver = await self._driver(connection)
        heard = self._heard[channel]
        await driver.add_listener(channel, lambda _driver, _pid, _channel, payload: heard(payload))

    @staticmethod
    async def _driver(connection: AsyncConnection) -> Any:  # noqa: ANN401  # asyncpg has no types
        return (await connection.get_raw_connection()).driver_connection

    def _terminated(self, driver: object) -> None:
        connection = self._connection
        if connection is not None and not connection.closed and connection.sync_connection is not None:
            current = connection.sync_connection.connection.driver_connection
            if current is driver:
                self._end()

    def _end(self) -> None:
        self._is_broken = True
        self.lost.set()

    async def _leave(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            async with asyncio.timeout(LOCK_SECONDS):
                await connection.invalidate()
                await connection.close()
        except Exception as error:  # noqa: BLE001  # it is of no use any more, whatever it says
            log.debug("database.session_left", error=type(error).__name__)


def _taking(kind: Kind) -> TextClause:
    return TAKE_SHARED if kind.is_shared else TAKE


def _giving_up(kind: Kind) -> TextClause:
    return GIVE_UP_SHARED if kind.is_shared else GIVE_UP


def translated(error: BaseException, place: str) -> StorageError:
    """``error`` of the database as one of the bot's; any other is raised again."""
    if isinstance(error, StorageError):
        return error
    if not isinstance(error, Exception) or (failure := failure_of(error)) is None:
        raise error
    found = storage_error(error, failure)
    return type(found)(f"{place}: {found}")
