"""The look at a SQLite file whose last process was killed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import structlog

from bot.clock import SystemClock
from bot.errors import StorageError
from bot.storage.backup.sqlite_copy import require_sound
from bot.storage.sqlite_schema import read_only

log = structlog.get_logger(__name__)

CHECKED_WITHIN = 10.0
"""Seconds for the look. A file of several GB takes longer: then the start goes on without a result."""

_STEPS = 100_000  # of SQLite's virtual machine, between two looks at the clock


def require_sound_after_kill(file: Path) -> None:
    """Check the database when its last process did not close it, which a log beside the file shows
    (https://www.sqlite.org/wal.html, "The WAL File"). Only the process that holds the lock may call this.

    A kill alone damages nothing; what does is a power failure with a disk that lied, or a file that was copied
    without its log. Raises :class:`StorageError` with the remedy; nothing was changed then.
    """
    if not _was_left(file):
        return
    clock = SystemClock()
    ends = clock.monotonic() + CHECKED_WITHIN
    try:
        with closing(read_only(file)) as database:
            database.set_progress_handler(lambda: clock.monotonic() > ends, _STEPS)
            require_sound(database, file, "quick_check(1)")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            log.warning("database.not_checked", detail=f"{file} takes longer than {CHECKED_WITHIN:.0f} s to check")
            return
        # Such as a file that may not be read: what opens it next tells that in its own words.
        log.warning("database.not_checked", detail=f"{file}: {error}")
    except (sqlite3.DatabaseError, StorageError) as error:
        found = str(error).removeprefix(f"{file} is damaged: ")
        raise StorageError(
            f"{file} is damaged ({found}), so the bot does not start; nothing was changed: put the newest backup "
            "back with `restore FILE`, which keeps this file beside it"
        ) from error
    else:
        log.info("database.checked", detail="it was not closed the last time, and is sound")


def _was_left(file: Path) -> bool:
    log_file = file.with_name(f"{file.name}-wal")
    try:
        return file.stat().st_size > 0 and log_file.stat().st_size > 0
    except OSError:
        return False
