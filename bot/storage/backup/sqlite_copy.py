"""Whole copies of a SQLite file while others write it, and what is looked at before a copy is trusted."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.errors import StorageError
from bot.storage.backup.folder import written
from bot.storage.sqlite_schema import read_only

PAGES_AT_ONCE = 1000
"""Of mostly 4 KB, between two calls of ``go_on``."""

BUSY_MS = 10_000
"""How long a look waits for a lock of somebody else, in milliseconds."""

NEWEST = (("requests", "changed_at"), ("audit", "at"), ("cluster_samples", "at"))
"""Columns with the moments of what changes most often; the newest of them is the age of the data."""

LATEST = 1e11
"""Seconds since the epoch beyond which a moment is none."""

GoOn = Callable[[float], None]
"""Told how much is done, from 0 to 1, now and then; what it raises ends the work."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a database holds: its schema's revision, the rows of each table, and the moment of its newest data
    (seconds since the epoch; None when there is none)."""

    revision: str | None
    rows: dict[str, int]
    newest: float | None

    @property
    def total(self) -> int:
        """The rows of all tables."""
        return sum(self.rows.values())


def copy_whole(file: Path, target: Path, go_on: GoOn = lambda _: None) -> Content:
    """Copy the database ``file`` to ``target``, which gets its name when the copy is complete, checked and on the
    disk; nobody but its owner may read it. Returns what it holds.

    All is of one moment: a read transaction stays open meanwhile, which holds up no writer
    (https://www.sqlite.org/wal.html, "Concurrency"); what they write waits in the log beside the file. Without the
    transaction the copy would begin again at every write (https://www.sqlite.org/c3ref/backup_finish.html).

    Raises :class:`StorageError`; then nothing has the name ``target`` that had not before.
    """
    with written(target) as partial, _read(file, "copied") as source:
        source.execute("BEGIN")
        expected = content_of(source)
        _copy(source, partial, go_on)
        found = checked(partial)
        if found != expected:
            raise StorageError(f"the copy of {file} has not the same rows: its disk is not to be trusted")
        return found


def checked(file: Path) -> Content:
    """What the database ``file`` holds, after SQLite has checked all of it.

    Raises :class:`StorageError` when it is no database, not this bot's, or damaged.
    """
    with _read(file, "read as a database") as database:
        require_sound(database, file, "integrity_check(1)")
        return content_of(database, file)


def held(file: Path) -> Content:
    """As :func:`checked`, but without the check."""
    with _read(file, "read as a database") as database:
        return content_of(database, file)


def require_sound(database: sqlite3.Connection, file: Path, check: str) -> None:
    """Raise :class:`StorageError` when a check of SQLite's (https://www.sqlite.org/pragma.html) finds a fault."""
    (found,) = database.execute(f"PRAGMA {check}").fetchone()
    if found != "ok":
        raise StorageError(f"{file} is damaged: {' '.join(str(found).split())}")


def content_of(database: sqlite3.Connection, file: Path | None = None) -> Content:
    """What an open database holds. Raises :class:`StorageError` when it is another program's."""
    listed = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    tables = sorted(name for (name,) in listed)
    if tables and "alembic_version" not in tables:
        raise StorageError(f"{file or 'it'} is a database, but not this bot's")
    revision = database.execute("SELECT version_num FROM alembic_version").fetchone() if tables else None
    # The names are those of the database itself.
    rows = {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}  # noqa: S608  # names that the database itself told
    moments = [
        database.execute(f"SELECT max({column}) FROM {table}").fetchone()[0]  # noqa: S608  # from NEWEST
        for table, column in NEWEST
        if table in tables
    ]
    newest = max((float(moment) for moment in moments if moment and 0 < moment < LATEST), default=None)
    return Content(revision and str(revision[0]), rows, newest)


def _copy(source: sqlite3.Connection, partial: Path, go_on: GoOn) -> None:
    def told(_status: int, remaining: int, total: int) -> None:
        go_on(1 - remaining / max(total, 1))

    with closing(sqlite3.connect(partial)) as target:
        # The file is synced as a whole at the end.
        target.execute("PRAGMA synchronous = OFF")
        source.backup(target, pages=PAGES_AT_ONCE, progress=told)
    with closing(sqlite3.connect(partial)) as target:
        # One file, with no log beside it: it may be copied and moved like any other.
        target.execute("PRAGMA journal_mode = DELETE")


@contextmanager
def _read(file: Path, what: str) -> Iterator[sqlite3.Connection]:
    try:
        with closing(read_only(file)) as database:
            database.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
            yield database
    except sqlite3.Error as error:
        raise StorageError(f"{file} cannot be {what}: {error}") from error
