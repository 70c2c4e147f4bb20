"""The schema of a SQLite file: its revision, whether it can be written, and a copy of it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from bot.errors import StorageError
from bot.storage import unfinished_move


def revision(file: Path) -> str | None:
    """The schema's revision in ``file``; None when it does not exist or has no schema yet.

    Raises :class:`StorageError` when it cannot be read, or is the database of another program.
    """
    if not file.exists():
        return None
    return _look(sqlite3.connect, file)[0]


def finished_revision(file: Path, *, untouched: bool = False) -> str | None:
    """As :func:`revision`, for who is to use the data: raises :class:`StorageError` also when only a part of them
    has been moved here. With ``untouched``, what a killed process has left in the log beside the file stays
    there."""
    if not file.exists():
        return None
    found, tables = _look(read_only if untouched else sqlite3.connect, file)
    unfinished_move.require_finished(str(file), is_marked=unfinished_move.NAME in tables)
    return found


def read_only(file: Path) -> sqlite3.Connection:
    """A connection to ``file`` that cannot change it, for any thread. Unlike others it leaves the two files beside
    it when it is closed, because it may not bring the log's content into the file. Raises
    :class:`sqlite3.Error`."""
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)


def _look(connect: Callable[[Path], sqlite3.Connection], file: Path) -> tuple[str | None, set[str]]:
    """The revision in ``file``, and the names of its tables. Raises as :func:`revision`."""
    try:
        with closing(connect(file)) as connection:
            tables = {
                name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            }
            if "alembic_version" not in tables:
                if tables - {"sqlite_sequence"}:
                    raise StorageError(f"{file} is a database, but not this bot's")
                return None, tables
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as exc:
        raise StorageError(f"{file} cannot be read as a database: {exc}") from exc
    return (None if row is None else str(row[0])), tables


def require_writable(file: Path) -> None:
    """Raise :class:`StorageError` when ``file`` cannot be written, or not be created."""
    place = next(one for one in (file, *file.absolute().parents) if one.exists())
    if not os.access(place, os.W_OK) or (place != file and not place.is_dir()):
        raise StorageError(f"{file} cannot be written")


def copy_to(file: Path, copy: Path) -> None:
    """Copy the database to the file ``copy``, consistent even while others use it."""
    with closing(read_only(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
