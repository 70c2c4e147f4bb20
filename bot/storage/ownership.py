"""Which process a database belongs to: one at a time, on either kind of database.

A second process waits until the first has ended, however it ended, and then goes on at once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from bot.clock import Clock
from bot.storage.addresses import database_file, is_postgres
from bot.storage.process_lock import ProcessLock


class Ownership(Protocol):
    """The database belongs to this process."""

    @property
    def me(self) -> str:
        """The name of this process; no process had it before."""
        ...

    def is_alive(self, owner: str) -> bool:
        """Whether the process of this name lives."""
        ...

    async def watch(self, clock: Clock) -> None:
        """Return never; raise :class:`StorageError` when the database belongs to another process now."""
        ...


@asynccontextmanager
async def owned(url: str, clock: Clock, *, wait: bool = True) -> AsyncIterator[Ownership]:
    """Own the database at ``url`` inside the block. With ``wait``, until no other process does; the log tells of
    that.

    Raises :class:`ConfigError` for a URL that names no database of a kind that the bot can use,
    :class:`DatabaseInUse` when another process owns it and ``wait`` is false, :class:`StorageError` when the file
    or the server refuses this process, or the server does not answer for half a minute.
    """
    if is_postgres(url):
        from bot.storage.postgres_lock import PostgresLock

        async with PostgresLock.held(url, clock, wait=wait) as server_lock:
            yield server_lock
    elif wait:
        async with ProcessLock.awaited(database_file(url), clock) as lock:
            yield lock
    else:
        with ProcessLock.held(database_file(url)) as lock:
            yield lock
