"""Putting a backup back: checked, with what was there kept, and whole at every moment."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.errors import DatabaseInUse, StorageError
from bot.storage import migrate
from bot.storage.backup import restore as restoring
from bot.storage.backup.restore import restore
from bot.storage.backup.sqlite_copy import checked, copy_whole
from bot.storage.backup.unclean_stop import require_sound_after_kill
from bot.storage.process_lock import ProcessLock
from tests.fakes.clocks import HandClock
from tests.fakes.databases import new_database
from tests.integration.storage.backup.test_copying import MANY_PAGES, damage
from tests.integration.storage.test_migrations import execute, rows

AUDIT = "INSERT INTO audit (at, actor_id, action, detail) VALUES ({at}, 4, 'pause', '')"


def facts(file: Path) -> list[tuple[Any, ...]]:
    return rows(file, "SELECT key FROM facts")


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """A backup with the fact "old", and the database with "new" in its log, as a killed bot leaves it."""
    new_database(tmp_path)
    file, backup = tmp_path / "bot.db", tmp_path / "backup.db"
    execute(file, "PRAGMA journal_mode = WAL", "INSERT INTO facts (key, value) VALUES ('old', '')")
    copy_whole(file, backup)
    left_open(file, "UPDATE facts SET key = 'new'")
    return backup, file


def left_open(file: Path, *statements: str) -> None:
    """Run statements and leave their changes in the log beside the file, as a process that is killed does."""
    folder = file.parent / "killed"
    folder.mkdir()
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)
        for name in (file.name, f"{file.name}-wal"):
            shutil.copy(file.parent / name, folder / name)
    for name in (file.name, f"{file.name}-wal"):
        (folder / name).replace(file.parent / name)


def test_what_was_there_is_kept_with_what_was_in_its_log(places: tuple[Path, Path]) -> None:
    """And no log stays that would be taken for the new file's."""
    backup, file = places
    done = restore(backup, file, HandClock(), replace=False)
    assert facts(file) == [("old",)]
    assert done.kept is not None
    assert facts(done.kept) == [("new",)]
    assert not file.with_name("bot.db-wal").exists()
    again = restore(backup, file, HandClock(), replace=False)
    assert again.kept is not None
    assert again.kept.name == f"{done.kept.name}-2"


def test_newer_data_is_not_overwritten_unless_that_is_wanted(places: tuple[Path, Path]) -> None:
    """The sentence tells both moments."""
    backup, file = places
    execute(file, AUDIT.format(at=1_800_000_060))
    execute(backup, AUDIT.format(at=1_800_000_000))
    with pytest.raises(StorageError) as refused:
        restore(backup, file, HandClock(), replace=False)
    assert str(refused.value) == (
        f"{file} holds data until 2027-01-15 08:01:00 UTC, and {backup} data until 2027-01-15 08:00:00 UTC: add "
        "--replace to go back to that; what is there now is kept beside it"
    )
    assert facts(file) == [("new",)]
    restore(backup, file, HandClock(), replace=True)
    assert facts(file) == [("old",)]


def test_a_bot_that_runs_keeps_its_database(places: tuple[Path, Path]) -> None:
    """Nothing is changed, and nothing is left."""
    backup, file = places
    with ProcessLock.held(file), pytest.raises(DatabaseInUse, match="stop it first"):
        restore(backup, file, HandClock(), replace=True)
    assert facts(file) == [("new",)]
    assert not list(file.parent.glob("*restoring*"))


def fill_and_damage(backup: Path) -> None:
    execute(backup, MANY_PAGES)
    damage(backup)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda backup: backup.unlink(), "there is no file"),
        (
            lambda backup: backup.write_bytes(b"no database at all, but long enough to be one" * 100),
            "not a database",
        ),
        (fill_and_damage, r"damaged|malformed"),
        (lambda backup: execute(backup, "DROP TABLE alembic_version"), "not this bot's"),
        (lambda backup: execute(backup, "UPDATE alembic_version SET version_num = '9999'"), "a newer version"),
    ],
)
def test_a_backup_that_is_no_good_changes_nothing(
    places: tuple[Path, Path], spoil: Callable[[Path], object], words: str
) -> None:
    """It is looked at before anything is touched."""
    backup, file = places
    spoil(backup)
    with pytest.raises(StorageError, match=words):
        restore(backup, file, HandClock(), replace=True)
    assert facts(file) == [("new",)]
    assert not list(file.parent.glob("bot.db.*"))


class StoppedError(BaseException):
    """The end of the process, as far as the code can see it."""


@pytest.mark.parametrize("step", ["_belong_as", "_kept", "_take_log_in", "sync", "link"])
def test_a_stop_at_any_step_leaves_one_whole_database(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The old or the new one; the same command then ends the work."""
    backup, file = places

    def stopped(*_: object, **__: object) -> None:
        raise StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(os if step == "link" else restoring, step, stopped)
        with pytest.raises(StoppedError):
            restore(backup, file, HandClock(), replace=False)
    checked(file)
    assert facts(file) in ([("old",)], [("new",)])
    done = restore(backup, file, HandClock(), replace=True)
    assert facts(file) == [("old",)]
    assert done.content.rows["facts"] == 1


def test_a_database_that_is_not_there_or_damaged_is_replaced(places: tuple[Path, Path]) -> None:
    """The damaged one is kept too, with its log."""
    backup, file = places
    file.write_bytes(b"no database" * 1000)
    file.with_name("bot.db-wal").write_bytes(b"a log")
    done = restore(backup, file, HandClock(), replace=False)
    assert facts(file) == [("old",)]
    assert done.kept is not None
    assert done.kept.read_bytes() == b"no database" * 1000
    file.unlink()
    assert restore(backup, file, HandClock(), replace=False).kept is None
    assert facts(file) == [("old",)]


async def test_a_start_after_a_kill_checks_the_file(places: tuple[Path, Path]) -> None:
    """A sound one is said to be so; after a clean end nobody looks."""
    _, file = places
    with capture_logs() as logs:
        await migrate.upgrade(f"sqlite+aiosqlite:///{file}")
        assert [entry["event"] for entry in logs] == ["database.checked"]
        facts(file)  # whoever closes it last takes the log in
        require_sound_after_kill(file)
    assert len(logs) == 1


async def test_a_start_after_a_kill_refuses_a_damaged_file(places: tuple[Path, Path]) -> None:
    """One line with the remedy, and nothing is changed."""
    _, file = places
    execute(file, MANY_PAGES)
    damage(file)
    file.with_name("bot.db-wal").write_bytes(b"left by a kill")
    before = file.read_bytes()
    with pytest.raises(
        StorageError, match=r"bot\.db is damaged \(.+\), so the bot does not start; .+`restore FILE`"
    ):
        await migrate.upgrade(f"sqlite+aiosqlite:///{file}")
    assert file.read_bytes() == before
