"""A watch over the database's file while the bot runs: a file that was deleted or damaged ends the bot."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import structlog

from bot.clock import Clock
from bot.errors import StorageError

log = structlog.get_logger(__name__)

LOOK_EVERY = 2.0
"""Seconds between two looks at the file."""

ENDS_AFTER = 10.0
"""Seconds from the first sign until the bot ends; ``/readyz`` says meanwhile that it is not ready."""

_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PRIMARY = 0xFF  # the lowest byte of an extended result code (https://www.sqlite.org/rescode.html)


class FileWatch:
    """Whether the file that was opened is still in its place and readable.

    SQLite goes on in a file that was deleted, until the process ends and everything is lost. A damaged page is
    noticed when it is read.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._opened: tuple[int, int] | None = None
        self._fault: str | None = None

    def note(self, error: BaseException) -> None:
        """Take in an error of the database: some mean that the file is damaged."""
        if getattr(error, "sqlite_errorcode", 0) & _PRIMARY in _DAMAGED:
            self._fault = self._fault or f"{self._file} is damaged ({error}): stop the bot and restore a backup"

    def fault(self) -> str | None:
        """What is wrong with the file, with the remedy; None while nothing is. Once wrong, it stays wrong."""
        try:
            found = self._file.stat()
            place = (found.st_dev, found.st_ino)
        except OSError:
            place = None
        self._opened = self._opened or place
        if place is None or place != self._opened:
            gone = f"{self._file} was deleted or replaced while the bot ran: stop it and restore a backup"
            self._fault = self._fault or gone
        return self._fault

    async def run(self, clock: Clock) -> None:
        """Look at the file until something is wrong; then say so once and raise :class:`StorageError` a little
        later."""
        while (fault := self.fault()) is None:
            await clock.sleep(LOOK_EVERY)
        log.critical("database.lost", detail=fault, ends_after=ENDS_AFTER)
        await clock.sleep(ENDS_AFTER)
        raise StorageError(fault)
