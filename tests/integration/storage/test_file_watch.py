"""A database's file that is deleted, replaced or damaged while the bot runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.errors import StorageError
from bot.storage.database import Database
from bot.storage.engine import DatabaseWatch, database_file
from bot.storage.file_watch import ENDS_AFTER, LOOK_EVERY
from tests.fakes.clocks import HandClock
from tests.fakes.databases import new_database


async def ended(watch: DatabaseWatch, clock: HandClock) -> StorageError:
    """Run a watch to its end; it says what is wrong once, and ends after its bound."""
    with capture_logs() as logs:
        task = asyncio.create_task(watch.run(clock))
        await clock.asleep()
        clock.advance(ENDS_AFTER)
        with pytest.raises(StorageError) as raised:
            await asyncio.wait_for(task, 5.0)
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("database.lost", "critical")]
    assert logs[0]["detail"] == str(raised.value)
    return raised.value


async def test_o1_a_file_in_its_place_is_well(tmp_path: Path) -> None:
    """Also while it grows: the watch goes on."""
    async with Database.open(new_database(tmp_path)) as database:
        clock = HandClock()
        task = asyncio.create_task(database.watch.run(clock))
        for number in range(3):
            await clock.asleep()
            await database.facts.put(f"key {number}", "x" * 10_000)
            clock.advance(LOOK_EVERY)
        await clock.asleep()
        assert database.watch.fault() is None
        task.cancel()


@pytest.mark.parametrize("replaced", [False, True])
async def test_o1_a_deleted_or_replaced_file_is_noticed(tmp_path: Path, *, replaced: bool) -> None:
    """SQLite itself goes on in the old one, which is lost when the process ends."""
    url = new_database(tmp_path)
    async with Database.open(url) as database:
        await database.facts.put("key", "opens the file")
        assert database.watch.fault() is None
        file = database_file(url)
        (tmp_path / "another").write_bytes(file.read_bytes())
        file.unlink()
        if replaced:
            (tmp_path / "another").rename(file)
        await database.facts.put("key", "goes nowhere")
        error = await ended(database.watch, HandClock())
    assert str(error) == f"{file} was deleted or replaced while the bot ran: stop it and restore a backup"


async def test_o1_a_damaged_page_is_noticed_when_it_is_read(tmp_path: Path) -> None:
    """The rest of the file may be well; nothing can be relied on any more."""
    url = new_database(tmp_path)
    file = database_file(url)
    async with Database.open(url) as database:
        await database.facts.put("key", "x" * 100_000)
    with file.open("r+b") as opened:
        # The first page, which SQLite reads first, stays.
        opened.seek(4096)
        opened.write(b"\xff" * (file.stat().st_size - 4096))
    async with Database.open(url) as database:
        assert database.watch.fault() is None
        with pytest.raises(StorageError, match="malformed"):
            await database.facts.get("key")
        error = await ended(database.watch, HandClock())
    assert str(error).startswith(f"{file} is damaged (")


async def test_o1_another_failure_is_no_damage(tmp_path: Path) -> None:
    """A missing table is a bug, and a locked file passes."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}"
    async with Database.open(url) as database:
        with pytest.raises(StorageError, match="no such table"):
            await database.facts.get("key")
        assert database.watch.fault() is None
