"""``migrate --to`` as people and programs see it."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from bot.clock import Clock
from bot.moving import move_and_tell
from bot.storage.move.checksums import Checksum
from bot.storage.move.mover import Moved, MovedTable, Watcher
from bot.storage.process_lock import ProcessLock
from bot.storage.tables import metadata
from tests.fakes.databases import new_database
from tests.fakes.full_databases import ROWS, everything, filled
from tests.fakes.moves import Seen, StoppedError, moved, stop
from tests.fakes.postgres import server_database
from tests.integration.storage.test_migrations import execute
from tests.unit.test_cli import bot

SOURCE = {"DATABASE_URL": "sqlite+aiosqlite:///bot.db"}


async def test_a_move_to_postgresql_is_told_table_by_table(tmp_path: Path) -> None:
    """For people, then for programs; the password is in neither."""
    await filled(new_database(tmp_path))
    async with server_database() as url:
        secret = make_url(url).set(password="hush-hush").render_as_string(hide_password=False)

        first = await asyncio.to_thread(bot, tmp_path, "migrate", "--to", secret, **SOURCE)
        second = await asyncio.to_thread(bot, tmp_path, "migrate", "--to", secret, "--json", **SOURCE)

        assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
        lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in first.stdout.splitlines()]
        shown = {cells[0]: (cells[1], cells[3]) for cells in lines if len(cells) == 4}
        assert shown == {
            table.name: ("1" if table.name == "line_state" else str(ROWS), "yes")
            for table in metadata.sorted_tables
        }
        name = f"the PostgreSQL database {make_url(url).database} on "
        last = first.stdout.splitlines()[-1]
        assert last.startswith(f"Complete: bot.db is moved to {name}")
        assert last.endswith("and both are equal. Set DATABASE_URL to the new one and start the bot.")

        told = json.loads(second.stdout)
        assert (told["complete"], told["was_there"], told["source"]) == (True, True, "bot.db")
        assert told["target"].startswith(name)
        assert [table["table"] for table in told["tables"]] == list(shown)
        assert all(table["equal"] and table["checksum"] == table["checksum_there"] for table in told["tables"])
        assert "hush" not in first.stdout + first.stderr + second.stdout + second.stderr


def test_a_bot_that_runs_is_not_moved(tmp_path: Path) -> None:
    """One line and exit code 1; with ``--json`` the same as an object; nothing is made."""
    new_database(tmp_path)
    with ProcessLock.held(tmp_path / "bot.db"):
        done = bot(tmp_path, "migrate", "--to", "sqlite+aiosqlite:///new/bot.db", "--json", **SOURCE)

    reason = "another process uses bot.db: stop it first, and run this again"
    assert (done.returncode, done.stderr) == (1, f"error: {reason}\n")
    assert json.loads(done.stdout) == {"complete": False, "error": reason}
    assert not (tmp_path / "new").exists()


async def test_no_bot_starts_on_a_part(tmp_path: Path) -> None:
    """The last line says what to do; doing that ends it."""
    source = await filled(new_database(tmp_path))
    target = {"DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'new.db'}"}
    with pytest.raises(StoppedError):
        await moved(source, target["DATABASE_URL"], Seen(at=5, do=stop))

    started = await asyncio.to_thread(bot, tmp_path, "run", DISCORD_TOKEN="x", HTTP_BIND="", **target)
    assert started.returncode == 1
    assert started.stderr.splitlines()[-1] == (
        f"error: {tmp_path / 'new.db'} holds a part of another database, because moving it here has not finished: "
        "run the same `migrate --to` again, which goes on where it stopped; the other database is as it was"
    )

    done = await asyncio.to_thread(
        bot, tmp_path, "migrate", "--to", "sqlite+aiosqlite:///new.db", "--json", **SOURCE
    )
    assert (done.returncode, json.loads(done.stdout)["went_on"]) == (0, True), done.stderr
    assert await everything(target["DATABASE_URL"]) == await everything(source)


async def test_a_terminal_shows_how_far_it_is(tmp_path: Path) -> None:
    """A bar for copying and one for comparing, beside the result and not in it."""
    source = await filled(new_database(tmp_path))
    target = f"sqlite+aiosqlite:///{tmp_path / 'new.db'}"
    with pytest.raises(StoppedError):
        await moved(source, target, Seen(at=5, do=stop))
    execute(tmp_path / "bot.db", "UPDATE accounts SET finish = 5")

    done = await asyncio.to_thread(bot, tmp_path, "migrate", "--to", target, FORCE_COLOR="1", **SOURCE)

    assert done.returncode == 0, done.stderr
    total = ROWS * (len(metadata.sorted_tables) - 1) + 1
    shown = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", done.stderr)
    assert "has changed since the move was stopped: copying all of it again" in " ".join(shown.split())
    assert re.search(rf"copying .*{total}/{total} rows +\w+\s*\n.*comparing .*{total}/{total} rows", shown)
    assert "copying" not in done.stdout


def test_a_difference_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """In the table and below it, or in the object; the command fails."""

    async def differs(source: str, target: str, clock: Clock, watcher: Watcher) -> Moved:
        return Moved("bot.db", "new.db", [MovedTable("audit", Checksum(2, 5), Checksum(1, 4))])

    monkeypatch.setattr("bot.moving.move", differs)
    monkeypatch.setattr("bot.moving.configure_logging", lambda *_, **__: None)
    places = ("sqlite+aiosqlite:///bot.db", "sqlite+aiosqlite:///new.db")

    assert not move_and_tell(*places, as_json=False)
    shown = capsys.readouterr().out
    assert re.search(r"audit +│ 2 / 1 │ 0{12} +│ NO ", shown)
    assert "Not complete: something else has changed new.db or bot.db meanwhile." in shown

    assert not move_and_tell(*places, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["complete"], told["tables"][0]["equal"]) == (False, False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--json"], "--json goes with --to"),
        (
            ["--to", "mysql://bot:hush-hush@db/bot"],
            "error: --to is wrong: it must look like sqlite+aiosqlite:///data/bot.db or",
        ),
        (["--to", "sqlite+aiosqlite:///bot.db"], "error: --to names the database that DATABASE_URL names"),
    ],
)
def test_wrong_usage_ends_with_the_code_for_it(tmp_path: Path, arguments: list[str], words: str) -> None:
    """Exit code 2, as for wrong settings."""
    new_database(tmp_path)
    done = bot(tmp_path, "migrate", *arguments, **SOURCE)

    assert done.returncode == 2
    assert words in done.stderr
    assert "hush" not in done.stdout + done.stderr
