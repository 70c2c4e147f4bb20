"""The schema of a SQLite file: its revision, whether it can be written, and a copy of it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from bot.errors import StorageError


def revision(file: Path) -> str | None:
    """The schema's revision in ``file``; None when it does not exist or has no schema yet.

    Raises :class:`StorageError` when it cannot be read, or is the database of another program.
    """
    if not file.exists():
        return None
    try:
        with closing(sqlite3.connect(file)) as connection:
            tables = {
                name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            }
            if "alembic_version" not in tables:
                if tables - {"sqlite_sequence"}:
                    raise StorageError(f"{file} is a database, but not this bot's")
                return None
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as exc:
        raise StorageError(f"{file} cannot be read as a database: {exc}") from exc
    return None if row is None else str(row[0])


def require_writable(file: Path) -> None:
    """Raise :class:`StorageError` when ``file`` cannot be written, or not be created."""
    place = next(one for one in (file, *file.absolute().parents) if one.exists())
    if not os.access(place, os.W_OK) or (place != file and not place.is_dir()):
        raise StorageError(f"{file} cannot be written")


def back_up(file: Path, before: str) -> Path:
    """Copy the database to ``<file>.<before>.bak``, consistent even while others use it; returns the copy."""
    copy = file.with_name(f"{file.name}.{before}.bak")
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy
