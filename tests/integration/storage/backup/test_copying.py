"""Backups of a SQLite file: whole, of one moment, and never half under their name."""

from __future__ import annotations

import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bot.backups import folder_of, make
from bot.errors import StorageError
from bot.storage.backup import before_migrating
from bot.storage.backup.folder import PARTIAL, Folder
from bot.storage.backup.sqlite_copy import PAGES_AT_ONCE, checked, copy_whole
from bot.storage.migrate import HEAD
from tests.fakes.clocks import HandClock
from tests.fakes.databases import new_database
from tests.fakes.full_databases import filled
from tests.integration.storage.test_migrations import execute

ROOT = Path(__file__).resolve().parents[4]
MANY_PAGES = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)"
    " INSERT INTO facts (key, value) SELECT 'page ' || i, hex(zeroblob(2000)) FROM n"
)
"""More than two steps of a copy."""


async def test_a_backup_holds_everything_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    """The same rows in every table, in one file without a log beside it."""
    url = await filled(new_database(tmp_path))
    done = make(url, folder_of(url), None, HandClock())
    assert stat.S_IMODE(done.file.stat().st_mode) == 0o600
    assert list(done.file.parent.iterdir()) == [done.file]
    found = checked(done.file)
    assert found == checked(tmp_path / "bot.db")
    assert (found.revision, found.total > 100) == (HEAD, True)
    with closing(sqlite3.connect(done.file)) as copy:
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_a_writer_is_not_held_up_and_the_copy_is_of_one_moment(tmp_path: Path) -> None:
    """Each step of the copy sees another commit; none waits and none is in the copy."""
    new_database(tmp_path)
    file = tmp_path / "bot.db"
    execute(file, "PRAGMA journal_mode = WAL", MANY_PAGES)
    steps: list[float] = []
    with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as writer:

        def write(share: float) -> None:
            steps.append(share)
            writer.execute("INSERT INTO facts (key, value) VALUES (?, 'late')", (f"late {len(steps)}",))

        copied = copy_whole(file, tmp_path / "copy.db", write)
    assert len(steps) > 2
    assert steps == sorted(steps)
    assert copied.rows["facts"] == 2500
    assert checked(file).rows["facts"] == 2500 + len(steps)


def test_a_kill_in_the_middle_leaves_no_backup_and_the_next_one_clears_up(tmp_path: Path) -> None:
    """What was half written has another name, and goes."""
    url = new_database(tmp_path)
    execute(tmp_path / "bot.db", MANY_PAGES)
    code = (
        "import os, signal; from bot.backups import folder_of, make; from bot.clock import SystemClock\n"
        "def killed(share): os.kill(os.getpid(), signal.SIGKILL)\n"
        f"make({url!r}, folder_of({url!r}), None, SystemClock(), killed)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    folder = folder_of(url)
    assert any(file.name.endswith(PARTIAL) for file in folder.path.iterdir())
    assert folder.backups() == []

    made = make(url, folder, None, HandClock())
    assert list(folder.path.iterdir()) == [made.file]
    assert checked(made.file).rows["facts"] == 2500


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    """Also when whoever watches gives up."""
    url = new_database(tmp_path)

    def full(_: float) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match="No space left on device"):
        make(url, folder_of(url), None, HandClock(), full)
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_damaged_database_is_not_backed_up(tmp_path: Path) -> None:
    """A copy of it would push out a good one."""
    url = new_database(tmp_path)
    execute(tmp_path / "bot.db", MANY_PAGES)
    folder = folder_of(url)
    kept = make(url, folder, 1, HandClock())
    damage(tmp_path / "bot.db")
    with pytest.raises(StorageError, match=r"damaged|malformed"):
        make(url, folder, 1, HandClock())
    assert [backup.file for backup in folder.backups()] == [kept.file]


def damage(file: Path) -> None:
    """Overwrite all pages but the first half."""
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 2)
        opened.write(b"\xff" * PAGES_AT_ONCE * 64)


def test_the_newest_are_kept_and_foreign_files_too(tmp_path: Path) -> None:
    """Only what has the form of a backup of this database is counted and removed."""
    url = new_database(tmp_path)
    folder = Folder(tmp_path / "kept", "bot")
    clock = HandClock()
    made = []
    for _ in range(3):
        made.append(make(url, folder, None, clock).file)
        clock.advance(60.0)
    foreign = [
        folder.path / name for name in ("notes.txt", "other-20200101T000000Z.db", "bot-20201301T000000Z.db")
    ]
    for file in foreign:
        file.touch()
    again = make(url, folder, 2, clock)
    assert again.removed == made[:2]
    assert {*folder.path.iterdir()} == {made[2], again.file, *foreign}
    assert make(url, folder, 2, clock).file.name.endswith("Z-2.db")


def test_one_writes_into_a_folder_at_a_time(tmp_path: Path) -> None:
    """The second says so."""
    url = new_database(tmp_path)
    with folder_of(url).writing(), pytest.raises(StorageError, match="another backup is being written into"):
        make(url, folder_of(url), None, HandClock())


def test_three_copies_from_before_migrations_are_kept(tmp_path: Path) -> None:
    """Of the newest schemas."""
    new_database(tmp_path)
    for revision in ("0003", "0005", "0004", "0006"):
        before_migrating.keep_copy(tmp_path / "bot.db", revision)
    assert sorted(file.name for file in tmp_path.glob("*.bak")) == [
        "bot.db.0004.bak",
        "bot.db.0005.bak",
        "bot.db.0006.bak",
    ]
