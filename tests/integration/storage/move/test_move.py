"""Moving everything from one database into another, on both kinds."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, insert

from bot.errors import DatabaseInUse, StorageError
from bot.storage import migrate
from bot.storage.engine import database_file
from bot.storage.move.counters import counted, read_counters
from bot.storage.move.mover import Step
from bot.storage.process_lock import ProcessLock
from bot.storage.tables import accounts, metadata
from tests.fakes.databases import ENGINES
from tests.fakes.full_databases import ROWS, everything, filled, rows_of
from tests.fakes.moves import Place, Seen, StoppedError, content_of, files, moved, run, shown, stop
from tests.integration.storage.test_migrations import SEEDS, config, execute, revisions

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize(("there", "here"), list(itertools.product(ENGINES, ENGINES)))
async def test_every_row_of_every_table_is_moved(place: Place, there: str, here: str) -> None:
    """From each kind to each kind; a bot may start on the result, and its next numbers are new ones."""
    source = await filled(await place(there, "source"), nul=there == "sqlite")
    target = await place(here, "target", migrated=False)
    # Numbers that were given out, and whose rows are gone.
    await run(source, lambda db: db.execute(metadata.tables["turns"].delete()))
    before = await everything(source)

    seen = Seen()
    result = await moved(source, target, seen)

    assert result.is_complete
    assert (result.went_on, result.was_there) == (False, False)
    assert {table.name: table.source.rows for table in result.tables} == {
        table.name: {"turns": 0, "line_state": 1}.get(table.name, ROWS) for table in metadata.sorted_tables
    }
    assert seen.rows(Step.COPY) == seen.rows(Step.COMPARE) == seen.total
    await migrate.upgrade(target)
    assert "the schema is the newest" in await asyncio.to_thread(migrate.readiness, target)
    assert await everything(source) == before
    expected = shown(before) if here == "postgres" else before
    assert shown(await everything(target)) == shown(expected)

    def numbers(db: Connection) -> list[int]:
        found: list[int] = []
        for table, key in counted():
            row = {
                name: f"{value} again" if table.columns[name].unique else value
                for name, value in next(rows_of(table)).items()
                if name != key
            }
            row |= {name: "new" for name in ("request_id", "root_id") if name in row}
            row |= {"channel_id": 1} if "channel_id" in row else {}
            found += db.execute(insert(table).values(**row).returning(table.c[key])).scalars()
        return found

    assert await run(target, numbers) == [ROWS + 1] * len(list(counted()))


async def test_the_source_stays_as_it_is_byte_for_byte(place: Place) -> None:
    """Also what a killed process has left in the log beside the file; nothing else is beside it."""
    source = await place("sqlite", "source")
    file = database_file(source)
    kept = sqlite3.connect(file)
    kept.execute("PRAGMA journal_mode = WAL")
    kept.execute("INSERT INTO facts (key, value) VALUES ('a', 'b')")
    kept.commit()
    copy = file.parent.parent / "killed" / "bot.db"
    copy.parent.mkdir()
    for name in ("bot.db", "bot.db-wal"):
        copy.with_name(name).write_bytes(file.with_name(name).read_bytes())
    kept.close()
    before = files(f"sqlite:///{copy}")
    assert set(before) == {"bot.db", "bot.db-wal"}

    target = await place("postgres", "target")
    assert (await moved(f"sqlite:///{copy}", target)).is_complete

    after = files(f"sqlite:///{copy}")
    after.pop("bot.db-shm", None)  # where in the log is what; made anew by whoever opens the database
    assert after == before
    assert (await everything(target))["facts"] == [{"key": "a", "value": "b"}]


@pytest.mark.parametrize("older", revisions())
async def test_an_older_schema_is_migrated_in_a_copy(place: Place, tmp_path: Path, older: str) -> None:
    """Its file stays as it is, and the copy is gone."""
    folder = tmp_path / "older"
    folder.mkdir()
    source = f"sqlite+aiosqlite:///{folder / 'bot.db'}"
    command.upgrade(config(folder / "bot.db"), older)
    execute(folder / "bot.db", *SEEDS[older])
    (folder / "bot.db.moving").mkdir()  # of a run that was killed
    before = {"bot.db": content_of(folder / "bot.db")}
    target = await place("sqlite", "target")

    assert (await moved(source, target)).is_complete

    assert {"bot.db": content_of(folder / "bot.db")} == before
    assert not (folder / "bot.db.moving").exists()
    assert not list(folder.glob("*.bak"))
    found = await everything(target)
    assert [row["prompt"] for row in found["requests"]] == ["why?"]
    assert [row["answer"] for row in found["turns"]] == ["that"]


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("engine", ENGINES)
async def test_a_move_that_stops_anywhere_is_gone_on_with(place: Place, engine: str) -> None:
    """Stopped after every single step until it gets through: what is copied is not copied twice, no bot starts
    in between, and the end is the same."""
    source = await filled(await place("sqlite", "source"))
    target = await place(engine, "target")
    rounds = 0
    while True:
        rounds += 1
        # One step further each time than what is only compared with the source again.
        seen = Seen(at=rounds * 11, do=stop)
        with suppress(StoppedError):
            result = await moved(source, target, seen)
            break
        assert seen.again == 0
        with pytest.raises(StorageError, match="moving it here has not finished"):
            await migrate.upgrade(target)
        with pytest.raises(StorageError, match="moving it here has not finished"):
            await asyncio.to_thread(migrate.readiness, target)
    assert rounds > 5
    assert result.is_complete
    assert result.went_on
    assert shown(await everything(target)) == shown(await everything(source))
    await migrate.upgrade(target)


_KILLED = """
import asyncio, os, signal, sys
from bot.clock import SystemClock
from bot.storage.move import paging
from bot.storage.move.mover import move
from tests.fakes.moves import Seen

paging.BATCH = 3
seen = Seen(at=int(sys.argv[3]), do=lambda: os.kill(os.getpid(), signal.SIGKILL))
asyncio.run(move(sys.argv[1], sys.argv[2], SystemClock(), seen))
"""


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_killed_move_is_gone_on_with_at_once(place: Place, engine: str) -> None:
    """``kill -9`` while it copies, and while it compares: its locks go with it."""
    source = await filled(await place("sqlite", "source"))
    target = await place(engine, "target")

    for step in ("20", "80"):
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", _KILLED, source, target, step],
            cwd=ROOT,
            check=False,
            capture_output=True,
        )
        assert done.returncode == -9, done.stderr

    result = await moved(source, target)
    assert result.is_complete
    assert result.went_on
    assert shown(await everything(target)) == shown(await everything(source))


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("engine", ENGINES)
async def test_a_source_that_changed_meanwhile_is_copied_anew(place: Place, engine: str) -> None:
    """A bot ran on it between the two runs: nothing old is left."""
    source = await filled(await place("sqlite", "source"))
    target = await place(engine, "target")
    with pytest.raises(StoppedError):
        await moved(source, target, Seen(at=40, do=stop))
    await run(source, lambda db: db.execute(metadata.tables["conversations"].update().values(guild_id=5)))

    seen = Seen()
    result = await moved(source, target, seen)

    assert (result.is_complete, result.went_on, seen.again) == (True, False, 1)
    assert shown(await everything(target)) == shown(await everything(source))


@pytest.mark.usefixtures("small_batches")
async def test_what_was_added_meanwhile_is_moved_too(place: Place) -> None:
    """A row behind those that are copied needs no new beginning."""
    source = await filled(await place("sqlite", "source"))
    target = await place("postgres", "target")
    with pytest.raises(StoppedError):
        await moved(source, target, Seen(at=70, do=stop))
    await run(source, lambda db: db.execute(insert(accounts).values(user_id=2**62, finish=1.5)))

    result = await moved(source, target)

    assert (result.is_complete, result.went_on) == (True, True)
    assert shown(await everything(target)) == shown(await everything(source))


async def test_a_difference_is_found_and_no_bot_starts(place: Place) -> None:
    """Somebody changes the copy before it is compared; the next run copies everything anew."""
    source = await filled(await place("sqlite", "source"))
    target = await place("sqlite", "target")

    def meddle() -> None:
        with closing(sqlite3.connect(database_file(target))) as there, there:
            there.execute("UPDATE audit SET detail = 'nothing happened' WHERE id = 2")

    tables = len(metadata.sorted_tables)
    result = await moved(source, target, Seen(at=tables, do=meddle))

    assert not result.is_complete
    assert [table.name for table in result.tables if not table.is_equal] == ["audit"]
    with pytest.raises(StorageError, match="moving it here has not finished"):
        await migrate.upgrade(target)
    assert (await moved(source, target)).is_complete


async def test_losing_a_database_to_another_process_ends_the_move(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the server ended the session that holds the lock, and somebody else took it."""

    async def lost(_: ProcessLock, __: object) -> None:
        raise DatabaseInUse("another process uses it")

    monkeypatch.setattr(ProcessLock, "watch", lost)
    source = await filled(await place("sqlite", "source"))
    target = await place("sqlite", "target")
    with pytest.raises(DatabaseInUse, match=r"^another process uses it$"):
        await moved(source, target)


@pytest.mark.parametrize("engine", ENGINES)
async def test_counters_are_read_as_they_are(place: Place, engine: str) -> None:
    """Of an empty database: nothing was given out."""
    url = await place(engine, "counted")
    assert await run(url, read_counters) == {table.name: 0 for table, _ in counted()}
