"""A process among others on a PostgreSQL server: while it lives, it holds an advisory lock with its name."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from bot.clock import Clock, woken
from bot.errors import DatabaseLocked, StorageError
from bot.storage.advisory_locks import HELD, Kind, key
from bot.storage.server_session import ServerSession

log = structlog.get_logger(__name__)

START_PATIENCE, TRY_AGAIN = 30.0, 2.0
"""Seconds for which a start waits for a server that does not answer, which may be starting too; and between two
attempts."""

LOOK_EVERY = 0.7
"""Seconds between two looks at who lives, which also show that this process's own session does."""

MISSED = 1.0
"""Seconds for which a process that was seen is taken to live: it may have lost its session, and open another."""

DOUBTED = 10.0
"""Seconds after this process lost its own session in which it takes all others to live: the server may have been
started again, and they come back one after the other."""

AGAIN_AFTER = 0.25
"""Seconds between two attempts to open the session again."""


class PostgresProcess:
    """This process's name is ``me``: no process had it before. Everything else as :class:`Process` says."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.me = secrets.token_hex(8)
        self.session = ServerSession(url, self.me, clock)
        self._clock = clock
        self._others: frozenset[int] = frozenset()
        self._seen: dict[int, float] = {}
        self._doubts_until = float("-inf")

    @property
    def others(self) -> int:
        """How many other processes lived at the last look."""
        return len(self._others)

    def is_alive(self, owner: str) -> bool:
        """Whether this process gives the one of this name the benefit of the doubt. Who asks has found that it has
        no session at this moment (:func:`bot.storage.dialects.still_there`)."""
        now = self._clock.monotonic()
        return owner == self.me or now < self._doubts_until or now - self._seen.get(key(owner), -MISSED) < MISSED

    @classmethod
    @asynccontextmanager
    async def entered(cls, url: str, clock: Clock, *, wait: bool) -> AsyncIterator[PostgresProcess]:
        """Be present inside the block. Raises :class:`StorageError` when the server refuses this process, or does
        not answer; ``wait``: for half a minute."""
        process = cls(url, clock)
        try:
            await process._enter(wait=wait)
            yield process
        finally:
            await process.session.close()

    async def watch(self, clock: Clock) -> None:
        """Look at the others, and open the session anew when it is lost, until cancelled."""
        said = False
        while True:
            await woken(self.session.lost, clock, LOOK_EVERY)
            try:
                if not self.session.is_open:
                    said = self._say_lost(said=said)
                    await self.session.open()
                    said = False
                    self._doubts_until = clock.monotonic() + DOUBTED
                    log.info("database.session_regained", detail=f"using {self.session.place} as before")
                await self.look()
            except StorageError as error:
                said = self._say_lost(said=said, detail=str(error))
                await clock.sleep(AGAIN_AFTER)

    async def look(self) -> None:
        """See which processes live now. Raises :class:`StorageError`."""
        now = self._clock.monotonic()
        held = await self.session.rows(HELD, kind=int(Kind.PROCESS))
        self._others = frozenset(row.key for row in held if not row.is_mine)
        recent = {one: at for one, at in self._seen.items() if now - at < MISSED}
        self._seen = recent | dict.fromkeys(self._others, now)

    def _say_lost(self, *, said: bool, detail: str = "") -> bool:
        if not said:
            log.warning("database.session_lost", detail=detail or f"{self.session.place}: the connection is gone")
        return True

    async def _enter(self, *, wait: bool) -> None:
        until = self._clock.monotonic() + START_PATIENCE
        while True:
            try:
                await self.session.open()
                break
            except DatabaseLocked as error:
                if not wait or self._clock.monotonic() >= until:
                    raise
                log.warning("database.unreachable", detail=str(error), again_after=TRY_AGAIN)
                await self._clock.sleep(TRY_AGAIN)
        if not await self.session.take(Kind.PROCESS, key(self.me)):
            # One in two thousand million, for each other process that lives.
            raise StorageError("another process has this one's number by chance: start it again")
        await self.look()
