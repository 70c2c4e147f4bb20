"""Databases to move, and to move to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bot.storage.move import paging
from tests.fakes.databases import new_database
from tests.fakes.moves import Place
from tests.fakes.postgres import server_database


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """Makes databases: ``await place(engine, name)`` is the URL of one with the newest schema."""
    async with AsyncExitStack() as stack:

        async def made(engine: str, name: str, *, migrated: bool = True) -> str:
            if engine == "postgres":
                return await stack.enter_async_context(server_database(migrated=migrated))
            folder = tmp_path / name
            folder.mkdir()
            return new_database(folder) if migrated else f"sqlite:///{folder / 'bot.db'}"

        yield made


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rows at a time, so that every table takes several transactions."""
    monkeypatch.setattr(paging, "BATCH", 3)
