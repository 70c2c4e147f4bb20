"""Changes of the queue by other processes, told by the server (``LISTEN``)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import Clock, first_of
from bot.errors import BotError
from bot.storage.postgres import LOCK_SECONDS, open_engine_for_migrations
from bot.storage.postgres_errors import failure_of, storage_error

log = structlog.get_logger(__name__)

CHANNEL = "parallax_queue"
"""Where changes are told (``NOTIFY``); the payload names who made it."""

POLL_EVERY = 3.0
"""Seconds between two looks at the queue, and two attempts to listen again, while nothing can be heard."""

LOOK_EVERY = 30.0
"""Seconds of silence after which the connection is tried."""


class PostgresChanges:
    """Hears of changes that others make, over a connection of its own. What the server told while there was no
    connection is lost, so the queue counts as changed then."""

    def __init__(self, url: str, me: str, clock: Clock) -> None:
        """``me`` is the payload of the changes that this process makes, which are not told."""
        self._url = url
        self._me = me
        self._clock = clock
        self._changed = asyncio.Event()

    async def wait(self) -> None:
        """Return when another process has changed the queue since the last call returned, or may have."""
        await self._changed.wait()
        self._changed.clear()

    async def run(self) -> None:
        """Listen until cancelled, and again whenever the connection is lost."""
        is_lost = False
        while True:
            try:
                async with self._listening() as connection:
                    if is_lost:
                        log.info("queue.changes_heard_again")
                    is_lost = False
                    # Others may have changed it before the server listened for this process.
                    self._changed.set()
                    await self._look_after(connection)
            except Exception as error:
                failure = None if isinstance(error, BotError) else failure_of(error)
                if failure is None:
                    raise
                if not is_lost:
                    detail = str(storage_error(error, failure))
                    log.warning("queue.changes_not_heard", detail=detail, looks_every=POLL_EVERY)
                is_lost = True
            self._changed.set()
            await self._clock.sleep(POLL_EVERY)

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[AsyncConnection]:
        engine = open_engine_for_migrations(self._url).execution_options(isolation_level="AUTOCOMMIT")
        try:
            async with engine.connect() as connection:
                driver = (await connection.get_raw_connection()).driver_connection
                if driver is None:
                    raise ConnectionError("the connection was closed while it was opened")
                await driver.add_listener(CHANNEL, self._heard)
                yield connection
        finally:
            await engine.dispose()

    async def _look_after(self, connection: AsyncConnection) -> None:
        """Return never; raise what the connection raises when it is lost."""
        driver = (await connection.get_raw_connection()).driver_connection
        ended = asyncio.Event()
        if driver is not None:
            driver.add_termination_listener(lambda _: ended.set())
        while True:
            await first_of(self._clock, LOOK_EVERY, ended)
            async with asyncio.timeout(LOCK_SECONDS):
                await connection.execute(text("SELECT 1"))

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: str) -> None:
        if payload != self._me:
            self._changed.set()
