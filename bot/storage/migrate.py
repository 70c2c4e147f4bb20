"""Migration of a database to the newest schema.

At start the revision in the database is compared with :data:`HEAD`, without Alembic. A child process runs the
migrations only when the database is behind: in the bot's own process they would leave 12 MB in memory.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import BotError, StorageError
from bot.storage.addresses import database_file, is_postgres, shown
from bot.storage.backup.before_migrating import keep_copy as keep_copy_of
from bot.storage.backup.unclean_stop import require_sound_after_kill
from bot.storage.sqlite_schema import finished_revision, require_writable, revision

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

HEAD = "0011"
"""The newest revision in ``migrations/versions``; a test compares them."""

_ROOT = Path(__file__).resolve().parents[2]
MIGRATIONS = _ROOT / "migrations"


def readiness(url: str) -> str:
    """Describe in a few words what a start would find at ``url``. Changes nothing. Not inside of an event loop.

    Raises :class:`ConfigError` for a URL that names no database of a kind that the bot can use,
    :class:`StorageError` when a start would fail.
    """
    if is_postgres(url):
        from bot.storage import postgres_schema

        found, server = asyncio.run(postgres_schema.examine(url, HEAD))
        return f"{server}, {_described(url, found)}"
    file = database_file(url)
    found = finished_revision(file)
    require_writable(file)
    return _described(url, found)


def _described(url: str, found: str | None) -> str:
    if found is None and is_postgres(url):
        return "no tables yet: the first start creates them"
    if found is None:
        return f"there is none yet: the first start creates {database_file(url)}"
    if found == HEAD:
        return "the schema is the newest"
    require_known(shown(url), found)
    return f"schema {found}: the next start brings it to {HEAD}"


def require_known(place: str, found: str) -> None:
    """Raise :class:`StorageError` when the revision ``found`` of the database ``place`` is of a newer version."""
    if not any(script.name.startswith(f"{found}_") for script in (MIGRATIONS / "versions").glob("*.py")):
        raise _newer(place, found)


def _newer(place: str, found: str) -> StorageError:
    return StorageError(f"{place} was written by a newer version of the bot (schema {found})")


async def upgrade(url: str) -> None:
    """Bring the database at ``url`` to :data:`HEAD`. A SQLite file and its folder are created when there are none;
    only the process that holds its lock may call this.

    Raises :class:`ConfigError` for a URL that names no database of a kind that the bot can use,
    :class:`StorageError` when it did not work. The database is then as it was before. Beside a SQLite file,
    ``<file>.<revision>.bak`` is a copy; the newest three are kept. Raises :class:`StorageError` also when only a
    part of another database has been moved to ``url`` (:mod:`bot.storage.unfinished_move`), or when a SQLite file
    that was not closed the last time is damaged (:mod:`bot.storage.backup.unclean_stop`).
    """
    if not is_postgres(url):
        await asyncio.to_thread(require_sound_after_kill, database_file(url))
    if await read_revision(url) == HEAD:
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


async def read_revision(url: str) -> str | None:
    """The schema's revision at ``url``; None when there is none yet. Raises as :func:`upgrade`."""
    if not is_postgres(url):
        return await asyncio.to_thread(finished_revision, database_file(url))
    from bot.storage import postgres_schema

    return await postgres_schema.read_revision(url)


def upgrade_sync(url: str, *, keep_copy: bool = True) -> str | None:
    """Bring the database at ``url`` to :data:`HEAD` in this process; returns the revision that it had before. Not
    inside of an event loop. With ``keep_copy``, a copy of a SQLite file is kept beside it.

    Raises as :func:`upgrade`, but not for a part of another database.
    """
    if is_postgres(url):
        from bot.storage import postgres_schema

        return asyncio.run(postgres_schema.migrate(url, lambda db, before: _migrate_server(url, db, before), HEAD))
    file = database_file(url)
    file.parent.mkdir(parents=True, exist_ok=True)
    before = revision(file)
    if before != HEAD:
        _require_known(url, before)
        if before is not None and keep_copy:
            keep_copy_of(file, before)
        _run(url, alembic_config(file=file))
    return before


def alembic_config(**attributes: object) -> Config:
    """What Alembic needs to know to run the migrations: ``file``, or ``connection``."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes.update(attributes)
    return config


def _migrate_server(url: str, connection: Connection, before: str | None) -> None:
    _require_known(url, before)
    _run(url, alembic_config(connection=connection))


def _require_known(url: str, before: str | None) -> None:
    from alembic.script import ScriptDirectory

    known = {script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()}
    if before is not None and before not in known:
        raise _newer(shown(url), before)


def _run(url: str, config: Config) -> None:
    from alembic import command
    from alembic.util import CommandError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        command.upgrade(config, HEAD)
    except (CommandError, SQLAlchemyError) as exc:
        raise StorageError(f"migrating {shown(url)} failed: {exc}") from exc


def _main() -> int:
    """The child process: ``DATABASE_URL`` in the environment, the reason for a failure as the last line."""
    try:
        upgrade_sync(os.environ["DATABASE_URL"])
    except BotError as exc:
        sys.stderr.write(f"{exc}\n".replace("\n", " ").strip() + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
