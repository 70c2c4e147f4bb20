"""The database: whether a start would find it well, how large it is, and when it was copied last."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from bot.backups import folder_of
from bot.clock import SystemClock
from bot.domain.checkup import Finding, broken, ok, warning
from bot.errors import BotError, StorageError
from bot.settings import Settings
from bot.storage.addresses import database_file, is_postgres
from bot.storage.backup.sqlite_copy import require_sound
from bot.storage.migrate import readiness
from bot.storage.sqlite_schema import read_only

CHECKED_WITHIN = 10.0
"""Seconds for looking at a file's structure; a file of several GB takes longer."""

LEAST_FREE, LITTLE_FREE = 50_000_000, 1_000_000_000
"""Bytes on the disk below which nothing can be kept for long, and below which it is time to make room."""

OLD_DAYS = 8
"""Days after which the newest backup is old."""

_STEPS = 100_000  # of SQLite's virtual machine, between two looks at the clock
_DAY = 86_400.0


async def check(settings: Settings) -> tuple[Finding, ...]:
    """What a start would find, and for a SQLite file its structure, the disk and its backups."""
    return await asyncio.to_thread(_check, settings.database_url)


def _check(url: str) -> tuple[Finding, ...]:
    try:
        found = ok("database", readiness(url))
        if is_postgres(url):
            return (found,)
        file = database_file(url)
    except BotError as error:
        return (broken("database", str(error)),)
    return (found, *_disk(file), *((*_structure(file), *_backups(url, file)) if file.exists() else ()))


def _disk(file: Path) -> Iterator[Finding]:
    place = next(folder for folder in file.absolute().parents if folder.exists())
    free = shutil.disk_usage(place).free
    size = sum(one.stat().st_size for one in (file, file.with_name(f"{file.name}-wal")) if one.exists())
    detail = f"{size / 1e6:.1f} MB used, {free / 1e9:.1f} GB free"
    if free < LEAST_FREE:
        yield broken("disk", detail, "make room: questions are refused soon")
    elif free < max(LITTLE_FREE, 2 * size):
        yield warning("disk", detail, "make room for the database and a copy of it")
    else:
        yield ok("disk", detail)


def _structure(file: Path) -> Iterator[Finding]:
    clock = SystemClock()
    ends = clock.monotonic() + CHECKED_WITHIN
    try:
        with closing(read_only(file)) as database:
            database.set_progress_handler(lambda: clock.monotonic() > ends, _STEPS)
            require_sound(database, file, "quick_check(1)")
    except (sqlite3.Error, StorageError) as error:
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
            yield ok(
                "integrity", f"not looked at: it takes longer than {CHECKED_WITHIN:.0f} s; backups are checked"
            )
        else:
            yield broken("integrity", str(error), "put the newest backup back with `restore FILE`")
    else:
        yield ok("integrity", "the file's structure is sound")


def _backups(url: str, file: Path) -> Iterator[Finding]:
    folder, now = folder_of(url), SystemClock().now()
    backups = folder.backups()
    remedy = "run `backup --every 6h` beside the bot (docs/backups.md)"
    if backups:
        ages = [(now - one.made_at) / _DAY for one in (backups[-1], backups[0])]
        detail = f"{len(backups)} in {folder.path}, the newest {ages[0]:.1f} days old, the oldest {ages[1]:.1f}"
        yield warning("backups", detail, remedy) if ages[0] > OLD_DAYS else ok("backups", detail)
    elif now - file.stat().st_ctime < _DAY and file.stat().st_size < LITTLE_FREE / 1000:
        yield ok("backups", "none yet", remedy)
    else:
        yield warning(
            "backups", f"none in {folder.path}", f"{remedy}, or ignore this if you copy it in another way"
        )
