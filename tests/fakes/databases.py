"""Databases for tests: migrated once, copied for each test."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from bot.storage.migrate import upgrade_sync
from tests.fakes.postgres import emptied_database

ENGINES = ("sqlite", "postgres")
"""What a test of the contract of a store is run on."""


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bot.db"
        upgrade_sync(f"sqlite+aiosqlite:///{file}")
        return file.read_bytes()


def new_database(folder: Path) -> str:
    """The URL of an empty database with the newest schema in ``folder``."""
    file = folder / "bot.db"
    file.write_bytes(_migrated())
    return f"sqlite+aiosqlite:///{file}"


async def empty_database(engine: str, folder: Path) -> str:
    """The URL of an empty database with the newest schema on one of :data:`ENGINES`, for one test at a time."""
    return await emptied_database() if engine == "postgres" else new_database(folder)
