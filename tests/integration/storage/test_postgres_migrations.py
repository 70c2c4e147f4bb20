"""Bringing databases of a PostgreSQL server to the newest schema."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from bot.errors import StorageError
from bot.storage import migrate, postgres_schema
from bot.storage.postgres import open_engine_for_migrations
from bot.storage.tables import metadata
from tests.fakes.postgres import administrate, server_database
from tests.integration.storage.test_migrations import KEPT_OF_CLUSTERS, SEEDS, revisions

_COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name NOT LIKE 'alembic%'
"""
_INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename NOT LIKE 'alembic%'"
_CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = current_schema()::regnamespace AND conrelid::regclass::text NOT LIKE 'alembic%'
"""


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A database without tables."""
    async with server_database(migrated=False) as url:
        yield url


async def rows(url: str, *statements: str) -> list[Any]:
    """The rows of the last of ``statements``, which run in one transaction."""
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            found = [await connection.execute(text(statement)) for statement in statements][-1]
            return list(found.all()) if found.returns_rows else []
    finally:
        await engine.dispose()


async def schema(url: str) -> set[tuple[Any, ...]]:
    """Every column, index and constraint."""
    return {tuple(row) for query in (_COLUMNS, _INDEXES, _CONSTRAINTS) for row in await rows(url, query)}


async def upgraded_to(url: str, revision: str) -> None:
    """A database of an older revision."""

    def upgrade(connection: Connection) -> None:
        command.upgrade(migrate.alembic_config(connection=connection), revision)

    engine = open_engine_for_migrations(url)
    async with engine.connect() as connection:
        await connection.run_sync(upgrade)
        await connection.commit()
    await engine.dispose()


async def upgrade(url: str) -> str | None:
    """As ``python -m bot migrate`` does, in this process."""
    return await asyncio.to_thread(migrate.upgrade_sync, url)


async def test_two_first_starts_at_once_make_one_schema(url: str) -> None:
    """Each in a child process; the tables are exactly those that the code expects."""
    await asyncio.gather(migrate.upgrade(url), migrate.upgrade(url))

    async with server_database(migrated=False) as other:
        engine = create_async_engine(other)
        async with engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
        await engine.dispose()
        assert await schema(url) == await schema(other)
    assert await rows(url, "SELECT virtual_time, paused_since FROM line_state") == [(0.0, None)]
    assert await postgres_schema.read_revision(url) == migrate.HEAD


@pytest.mark.parametrize("older", revisions())
async def test_data_of_every_older_schema_survives(url: str, older: str) -> None:
    """A database of each revision ends in the newest schema with its rows."""
    await upgraded_to(url, older)
    await rows(url, *SEEDS[older])

    assert await upgrade(url) == older

    assert await postgres_schema.read_revision(url) == migrate.HEAD
    assert await rows(url, "SELECT request_id, prompt, state FROM requests") == [("r", "why?", "queued")]
    assert await rows(url, "SELECT question, answer FROM turns") == [("what?", "that")]
    for query, kept in KEPT_OF_CLUSTERS.items() if older >= "0003" else ():
        assert await rows(url, query) == kept


async def test_a_failed_migration_changes_nothing(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even what an earlier migration of the same start had done: they are one transaction."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrate.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "9999_next.py").write_text(
        f"from alembic import op\nrevision = '9999'\ndown_revision = {revisions()[-1]!r}\n"
        "def upgrade():\n    op.execute('DROP TABLE facts')\n    op.execute('no such thing')\n"
    )
    monkeypatch.setattr(migrate, "MIGRATIONS", folder)
    monkeypatch.setattr(migrate, "HEAD", "9999")
    await upgraded_to(url, "0004")
    await rows(url, *SEEDS["0004"])
    before = await schema(url)

    with pytest.raises(StorageError, match="syntax error"):
        await upgrade(url)

    assert await postgres_schema.read_revision(url) == "0004"
    assert await schema(url) == before
    assert await rows(url, "SELECT value FROM facts") == [("abc",)]


async def test_looking_tells_what_a_start_would_find(url: str) -> None:
    """Nothing, an older schema, the newest one, a newer one, another program's; nothing is changed."""

    async def look() -> str:
        return await asyncio.to_thread(migrate.readiness, url)

    assert (await look()).endswith(", no tables yet: the first start creates them")
    assert await schema(url) == set()
    await upgraded_to(url, "0001")
    assert (await look()).endswith(f", schema 0001: the next start brings it to {migrate.HEAD}")
    await upgrade(url)
    assert (await look()).startswith("PostgreSQL ")
    assert (await look()).endswith(", the schema is the newest")
    await rows(url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StorageError, match="newer version of the bot"):
        await look()
    with pytest.raises(StorageError, match="newer version of the bot"):
        await migrate.upgrade(url)
    await rows(url, "DROP TABLE alembic_version")
    with pytest.raises(StorageError, match="not this bot's"):
        await look()
    with pytest.raises(StorageError, match="not this bot's"):
        await migrate.upgrade(url)


async def test_a_user_without_rights_is_told_what_to_grant(url: str) -> None:
    """Before the tables are there, and when they belong to somebody else."""
    name = f"reader_{secrets.token_hex(4)}"
    reader = make_url(url).set(username=name).render_as_string(hide_password=False)
    await administrate(lambda db: db.execute(f"CREATE ROLE {name} LOGIN"))
    try:
        with pytest.raises(StorageError, match="grant it CREATE"):
            await asyncio.to_thread(migrate.readiness, reader)
        await upgrade(url)
        await rows(url, f"GRANT SELECT ON alembic_version TO {name}")
        with pytest.raises(StorageError, match=r"may not read and write .*requests.*: grant it that"):
            await asyncio.to_thread(migrate.readiness, reader)
    finally:
        await rows(url, f"DROP OWNED BY {name}")
        await administrate(lambda db: db.execute(f"DROP ROLE {name}"))


@pytest.mark.parametrize(
    ("version", "reads_only", "place", "words"),
    [
        (130012, False, "public", "PostgreSQL 13 is too old: 14 is the oldest"),
        (160000, True, "public", "is a standby"),
        (160000, False, None, "names no schema"),
    ],
)
def test_servers_that_the_bot_cannot_use(version: int, reads_only: bool, place: str | None, words: str) -> None:
    """Each is told in a sentence that says what to do."""
    with pytest.raises(StorageError, match=words):
        postgres_schema.require_usable(version=version, reads_only=reads_only, place=place)
