"""Databases for tests: migrated once, copied for each test."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from bot.storage.migrate import upgrade_sync


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
