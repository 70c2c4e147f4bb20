"""A lock that gives a SQLite database to one process at a time.

The process locks an empty file beside the database, from before the migrations until it ends. The kernel releases
the lock when the process ends, for any reason (flock(2)), so the next process can start at once.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import structlog

from bot.clock import Clock
from bot.errors import DatabaseInUse, StorageError

log = structlog.get_logger(__name__)

SUFFIX = ".lock"

LOOK_EVERY = 0.25
"""Seconds between two attempts to take the lock from a process that is ending."""


class ProcessLock:
    """A lock that is held: no other process uses the database. ``me`` names this process; no process had this name
    before."""

    def __init__(self) -> None:
        self.me = secrets.token_hex(8)

    @property
    def others(self) -> int:
        """How many other processes use the database: none."""
        return 0

    def is_alive(self, owner: str) -> bool:
        """Whether the process of this name lives: only the one that holds the lock does."""
        return owner == self.me

    async def look(self) -> None:
        """Do nothing: there are no others."""

    async def watch(self, clock: Clock) -> None:  # noqa: ARG002  # of the port
        """Wait until cancelled: nothing takes the lock from a process that lives."""
        await asyncio.Event().wait()

    @classmethod
    @contextmanager
    def held(cls, database: Path) -> Iterator[ProcessLock]:
        """Hold the lock inside the block, creating the database's folder when there is none.

        Raises :class:`DatabaseInUse` when another process holds it, :class:`StorageError` when the file cannot be
        opened or locked.
        """
        with _opened(database) as descriptor:
            _lock(descriptor, database)
            yield cls()

    @classmethod
    @asynccontextmanager
    async def awaited(cls, database: Path, clock: Clock) -> AsyncIterator[ProcessLock]:
        """Wait until no other process holds the lock, then hold it inside the block. Raises
        :class:`StorageError`."""
        with _opened(database) as descriptor:
            said = False
            while True:
                try:
                    _lock(descriptor, database)
                    break
                except DatabaseInUse as error:
                    if not said:
                        log.warning("database.in_use", detail=f"{error}: waiting until it has ended")
                    said = True
                await clock.sleep(LOOK_EVERY)
            if said:
                log.warning("database.free", detail=f"the other process has ended: using {database}")
            yield cls()


@contextmanager
def _opened(database: Path) -> Iterator[int]:
    """The descriptor of the lock's file; closing it releases the lock."""
    file = database.with_name(database.name + SUFFIX)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as exc:
        raise StorageError(f"{file}: {exc.strerror}") from exc
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, database: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        raise DatabaseInUse(f"another process uses {database}") from exc
    except OSError as exc:
        raise StorageError(f"{database}{SUFFIX} cannot be locked: {exc.strerror}") from exc
