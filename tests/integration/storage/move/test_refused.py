"""What is not moved, and why."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command

from bot.clock import SystemClock
from bot.errors import BotError, ConfigError, DatabaseInUse, StorageError, ValueRefused
from bot.storage.processes import entered
from bot.storage.tables import accounts, metadata, usage
from tests.fakes.databases import ENGINES
from tests.fakes.full_databases import everything, filled
from tests.fakes.moves import Place, Seen, StoppedError, content_of, moved, run, stop
from tests.integration.storage.test_migrations import SEEDS, config, execute


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_second_run_after_the_end_says_that_all_is_there(place: Place, engine: str) -> None:
    """For who was stopped between the end and its message. Once a bot has written there, it is refused."""
    source = await filled(await place("sqlite", "source"))
    target = await place(engine, "target")
    await moved(source, target)

    result = await moved(source, target)
    assert (result.is_complete, result.was_there) == (True, True)

    await run(target, lambda db: db.execute(accounts.update().values(finish=3.5)))
    there = await everything(target)
    with pytest.raises(StorageError, match=r"already holds a bot's data.*nothing was changed; name an empty"):
        await moved(source, target)
    assert await everything(target) == there


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_database_with_data_is_not_touched(place: Place, engine: str) -> None:
    """One row is enough, and a queue that is paused; a schema alone is not."""
    source = await filled(await place("sqlite", "source"))
    target = await place(engine, "target")
    line = metadata.tables["line_state"]
    await run(target, lambda db: db.execute(line.update().values(pause_reason="repairs")))
    there = await everything(target)

    with pytest.raises(StorageError, match="already holds a bot's data"):
        await moved(source, target)
    assert await everything(target) == there

    await run(target, lambda db: db.execute(line.update().values(pause_reason=None)))
    assert (await moved(source, target)).is_complete


async def test_a_database_with_data_of_an_older_schema_is_not_migrated(place: Place, tmp_path: Path) -> None:
    """Nothing at all is done to it."""
    source = await filled(await place("sqlite", "source"))
    target = tmp_path / "older.db"
    command.upgrade(config(target), "0003")
    execute(target, *SEEDS["0003"])
    before = content_of(target)

    with pytest.raises(StorageError, match="already holds a bot's data"):
        await moved(source, f"sqlite:///{target}")

    assert content_of(target) == before


@pytest.mark.parametrize("used", ["source", "target"])
@pytest.mark.parametrize("engine", ENGINES)
async def test_a_database_in_use_is_left_alone(place: Place, engine: str, used: str) -> None:
    """A bot runs on one of them: one sentence."""
    places = {"source": await filled(await place("sqlite", "source")), "target": await place("postgres", "target")}
    if engine != {"source": "sqlite", "target": "postgres"}[used]:
        places = {"source": await filled(places["target"]), "target": await place("sqlite", "other")}
    there = await everything(places["target"])
    async with entered(places[used], SystemClock()):
        with pytest.raises(DatabaseInUse, match=r"^another process uses .*: stop it first, and run this again$"):
            await moved(places["source"], places["target"])
    assert await everything(places["target"]) == there


async def test_places_that_cannot_be_moved_are_refused(place: Place, tmp_path: Path) -> None:
    """Not there, not used yet, the same one, a part of another one, another program's, an older server's."""
    empty = await place("postgres", "empty", migrated=False)
    target = f"sqlite:///{tmp_path / 'target.db'}"

    async def refused(source: str, words: str, kind: type[BotError] = StorageError, to: str = target) -> None:
        with pytest.raises(kind, match=words):
            await moved(source, to)

    await refused(f"sqlite:///{tmp_path}/none/bot.db", "there is no database .*bot.db: DATABASE_URL names")
    assert not (tmp_path / "none").exists()
    await refused(empty, "no bot has used the PostgreSQL database .* yet")
    (tmp_path / "new.db").touch()
    await refused(f"sqlite:///{tmp_path}/new.db", "no bot has used .*new.db yet")
    source = await filled(await place("sqlite", "source"))
    again = f"sqlite+aiosqlite:///{tmp_path}/source/../source/bot.db"
    await refused(source, "names the database that DATABASE_URL names", ConfigError, again)
    await refused(empty, "names the database that", ConfigError, empty.replace("postgresql+asyncpg", "postgres"))
    with pytest.raises(StoppedError):
        await moved(source, target, Seen(at=3, do=stop))
    await refused(target, "moving it here has not finished", to=f"sqlite:///{tmp_path / 'third.db'}")
    execute(tmp_path / "theirs.db", "CREATE TABLE theirs (id INTEGER)")
    await refused(source, "not this bot's", to=f"sqlite:///{tmp_path / 'theirs.db'}")
    older = await place("postgres", "older")
    await run(older, lambda db: db.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'"))
    await refused(older, "has the schema 0001, and .* is moved: .*run `migrate` for it without --to before")


async def test_a_row_that_does_not_fit_is_named(place: Place) -> None:
    """SQLite keeps longer numbers than PostgreSQL has room for in such a column; the rest stays copied."""
    source = await filled(await place("sqlite", "source"))
    target = await place("postgres", "target")
    long = usage.update().where(usage.c.day == 4)
    await run(source, lambda db: db.execute(long.values(tokens=2**40)))

    with pytest.raises(
        ValueRefused, match=r"cannot hold the row \d+, 4, \d+ of usage: .*the other database is as"
    ):
        await moved(source, target)

    await run(source, lambda db: db.execute(long.values(tokens=2**30)))
    result = await moved(source, target)
    assert (result.is_complete, result.went_on) == (True, True)
