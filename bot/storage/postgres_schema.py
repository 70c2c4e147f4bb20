"""The schema of a database on a PostgreSQL server: its revision, what a start would find, and its migration."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy import Connection, Table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import StorageError
from bot.storage import addresses, unfinished_move
from bot.storage.postgres import OLDEST_VERSION, open_engine_for_migrations
from bot.storage.postgres_errors import failure_of, storage_error
from bot.storage.tables import metadata

T = TypeVar("T")

MIGRATION_LOCK = 0x7061_7261_0001
"""The number of the advisory lock under which migrations run: of two processes that start, one waits."""

_SERVER = text(
    "SELECT CAST(current_setting('server_version_num') AS integer) AS version, pg_is_in_recovery() AS reads_only,"
    " current_schema() AS place,"
    " CASE WHEN current_schema() IS NULL THEN false"
    " ELSE has_schema_privilege(current_schema(), 'CREATE') END AS may_create"
)
_TABLES = text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
_REVISION = text("SELECT version_num FROM alembic_version")
_MAY_WRITE = text("SELECT has_table_privilege(:table, 'SELECT, INSERT, UPDATE, DELETE')")


def revision(connection: Connection) -> str | None:
    """The schema's revision; None when there is none yet. Raises :class:`StorageError` for the database of another
    program."""
    tables = set(connection.execute(_TABLES).scalars())
    if "alembic_version" not in tables:
        if tables:
            raise StorageError(
                "the schema has tables, but not this bot's: give the bot a database, or a schema, of its own"
            )
        return None
    found = connection.execute(_REVISION).scalar()
    return None if found is None else str(found)


async def read_revision(url: str) -> str | None:
    """The schema's revision at ``url``, for who is to use the data. Raises :class:`ConfigError`,
    :class:`StorageError`, which it does also when only a part of the data has been moved there."""
    return await _connected(url, lambda connection: connection.run_sync(_finished_revision, url))


async def examine(url: str, head: str) -> tuple[str | None, str]:
    """What a start would find at ``url``: the revision and the server in a few words. Changes nothing. Raises
    :class:`StorageError` when a start would fail for want of a server, of a version or of rights."""

    async def look(connection: AsyncConnection) -> tuple[str | None, str]:
        found = await connection.run_sync(_finished_revision, url)
        await connection.run_sync(_require_rights, found, head)
        version = (await connection.execute(text("SHOW server_version"))).scalar_one()
        return found, f"PostgreSQL {version}"

    return await _connected(url, look)


async def migrate(url: str, upgrade: Callable[[Connection, str | None], None], head: str) -> str | None:
    """Let ``upgrade``, which gets the connection and the revision that was found, bring the database to ``head``
    in one transaction; returns that revision. Nothing is called when there is nothing to do. Raises
    :class:`StorageError`; then nothing was changed."""

    async def work(connection: AsyncConnection) -> str | None:
        # Of the session, so it lasts until the connection is closed.
        await connection.execute(text("SELECT pg_advisory_lock(:number)"), {"number": MIGRATION_LOCK})
        await connection.commit()
        found = await connection.run_sync(_checked_revision)
        await connection.commit()
        if found != head:
            await connection.run_sync(upgrade, found)
            await connection.commit()
        return found

    return await _connected(url, work)


async def _connected(url: str, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    engine = open_engine_for_migrations(url)
    try:
        async with engine.connect() as connection:
            return await work(connection)
    except StorageError:
        raise
    except Exception as error:
        failure = failure_of(error)
        if failure is None:
            raise
        raise StorageError(f"{addresses.shown(url)}: {storage_error(error, failure)}") from error
    finally:
        await engine.dispose()


def require_usable(*, version: int, reads_only: bool, place: str | None) -> None:
    """Raise :class:`StorageError` for a server that the bot cannot use: of this ``version``
    (``server_version_num``), which takes no writes, or whose search path finds no schema."""
    if version < OLDEST_VERSION:
        oldest = OLDEST_VERSION // 10000
        raise StorageError(f"PostgreSQL {version // 10000} is too old: {oldest} is the oldest that serves")
    if reads_only:
        raise StorageError("this server is a standby, which takes no writes: name the primary in DATABASE_URL")
    if place is None:
        raise StorageError("the search path names no schema that exists, or none that this user may use")


def _checked_revision(connection: Connection) -> str | None:
    server = connection.execute(_SERVER).one()
    require_usable(version=server.version, reads_only=server.reads_only, place=server.place)
    return revision(connection)


def _finished_revision(connection: Connection, url: str) -> str | None:
    """The revision of a database that is whole."""
    found = _checked_revision(connection)
    is_marked = unfinished_move.NAME in set(connection.execute(_TABLES).scalars())
    unfinished_move.require_finished(addresses.shown(url), is_marked=is_marked)
    return found


def _require_rights(connection: Connection, found: str | None, head: str) -> None:
    if found != head and not connection.execute(_SERVER).one().may_create:
        raise StorageError("this user may not create tables in the schema: grant it CREATE on it")
    if found is None:
        return
    wanting = [table.name for table in _known(connection) if not _may_write(connection, table)]
    if wanting:
        raise StorageError(f"this user may not read and write {', '.join(wanting)}: grant it that, or own them")


def _known(connection: Connection) -> list[Table]:
    there = set(connection.execute(_TABLES).scalars())
    return [table for table in metadata.sorted_tables if table.name in there]


def _may_write(connection: Connection, table: Table) -> bool:
    return bool(connection.execute(_MAY_WRITE, {"table": table.name}).scalar())
