"""Which process this is, and which others use the same database.

A SQLite database belongs to one process at a time: a second one waits until the first has ended, however it ended,
and then goes on at once. On PostgreSQL any number of processes work side by side.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from bot.clock import Clock
from bot.storage.addresses import database_file, is_postgres
from bot.storage.process_lock import ProcessLock
from bot.storage.server_session import ServerSession


class Process(Protocol):
    """This process has a name in the database, and others can see that it lives."""

    @property
    def me(self) -> str:
        """The name of this process; no process had it before."""
        ...

    @property
    def others(self) -> int:
        """How many other processes use the database, as of a moment ago."""
        ...

    def is_alive(self, owner: str) -> bool:
        """Whether the process of this name lives, as far as this process knows; the database may know better."""
        ...

    async def look(self) -> None:
        """See now which other processes use the database. Raises :class:`StorageError`."""
        ...

    async def watch(self, clock: Clock) -> None:
        """Keep this process's name, and look at the others, until cancelled."""
        ...


@dataclass(frozen=True, slots=True)
class Entered:
    """This process, and the ``session`` that it shares with others, None where there are none."""

    process: Process
    session: ServerSession | None = None


@asynccontextmanager
async def entered(url: str, clock: Clock, *, wait: bool = True) -> AsyncIterator[Entered]:
    """Use the database at ``url`` inside the block. With ``wait``, once no other process has it, where it is for
    one alone, or once the server answers; the log tells of that.

    Raises :class:`ConfigError` for a URL that names no database of a kind that the bot can use,
    :class:`DatabaseInUse` when another process has it and ``wait`` is false, :class:`StorageError` when the file
    or the server refuses this process, or the server does not answer for half a minute.
    """
    if is_postgres(url):
        from bot.storage.postgres_process import PostgresProcess

        async with PostgresProcess.entered(url, clock, wait=wait) as there:
            yield Entered(there, there.session)
    elif wait:
        async with ProcessLock.awaited(database_file(url), clock) as lock:
            yield Entered(lock)
    else:
        with ProcessLock.held(database_file(url)) as lock:
            yield Entered(lock)
