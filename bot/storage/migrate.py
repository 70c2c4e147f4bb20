"""Migration of a database to the newest schema.

At start the revision in the file is compared with :data:`HEAD`, without Alembic. A child process runs the
migrations only when the file is behind: in the bot's own process they would leave 12 MB in memory.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from bot.errors import StorageError
from bot.storage.engine import database_file

HEAD = "0006"
"""The newest revision in ``migrations/versions``; a test compares them."""

_ROOT = Path(__file__).resolve().parents[2]
MIGRATIONS = _ROOT / "migrations"


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


def readiness(url: str) -> str:
    """Describe in a few words what a start would find at ``url``. Changes nothing.

    Raises :class:`ConfigError` for a URL that names no file, :class:`StorageError` when a start would fail.
    """
    file = database_file(url)
    found = revision(file)
    place = next(one for one in (file, *file.absolute().parents) if one.exists())
    if not os.access(place, os.W_OK) or (place != file and not place.is_dir()):
        raise StorageError(f"{file} cannot be written")
    if found is None:
        return f"there is none yet: the first start creates {file}"
    if found == HEAD:
        return "the schema is the newest"
    if not any(script.name.startswith(f"{found}_") for script in (MIGRATIONS / "versions").glob("*.py")):
        raise _newer(file, found)
    return f"schema {found}: the next start brings it to {HEAD}"


def _newer(file: Path, found: str) -> StorageError:
    return StorageError(f"{file} was written by a newer version of the bot (schema {found})")


async def upgrade(url: str) -> None:
    """Bring the database at ``url`` to :data:`HEAD`, creating the file and its folder when there are none. Only
    the process that holds the database's lock may call this.

    Raises :class:`ConfigError` for a URL that names no file, :class:`StorageError` when it did not work. The
    database is then as it was before, and ``<file>.<revision>.bak`` beside it is a copy.
    """
    file = database_file(url)
    if await asyncio.to_thread(revision, file) == HEAD:
        return
    search_path = os.pathsep.join(part for part in (str(_ROOT), os.environ.get("PYTHONPATH")) if part)
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot.storage.migrate",
        env={**os.environ, "DATABASE_URL": url, "PYTHONPATH": search_path},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await child.communicate()
    if child.returncode:
        lines = errors.decode(errors="replace").strip().splitlines()
        raise StorageError(f"the database could not be upgraded: {lines[-1] if lines else 'no reason given'}")


def upgrade_sync(url: str) -> str | None:
    """Do the work of :func:`upgrade` in this process; returns the revision that the database had before.

    Raises as :func:`upgrade`.
    """
    file = database_file(url)
    file.parent.mkdir(parents=True, exist_ok=True)
    before = revision(file)
    if before == HEAD:
        return before

    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError
    from sqlalchemy.exc import SQLAlchemyError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["file"] = file
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if before is not None:
        if before not in known:
            raise _newer(file, before)
        back_up(file, before)
    try:
        command.upgrade(config, HEAD)
    except (CommandError, SQLAlchemyError) as exc:
        raise StorageError(f"migrating {file} failed: {exc}") from exc
    return before


def back_up(file: Path, before: str) -> Path:
    """Copy the database to ``<file>.<before>.bak``, consistent even while others use it; returns the copy."""
    copy = file.with_name(f"{file.name}.{before}.bak")
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def _main() -> int:
    """The child process: ``DATABASE_URL`` in the environment, the reason for a failure as the last line."""
    try:
        upgrade_sync(os.environ["DATABASE_URL"])
    except StorageError as exc:
        sys.stderr.write(f"{exc}\n".replace("\n", " ").strip() + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
