"""The command line as people see it in a terminal."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import tomllib
from contextlib import closing
from pathlib import Path

import pytest

from bot.__main__ import leave_out_docstrings
from bot.settings import Settings, render_env_example
from bot.storage.migrate import HEAD
from bot.storage.process_lock import ProcessLock
from bot.version import own_version

ROOT = Path(__file__).resolve().parents[2]


def bot(folder: Path, *arguments: str, module: str = "bot", **settings: str) -> subprocess.CompletedProcess[str]:
    """``python -m bot``, or another module, in ``folder``, with these settings only."""
    inherited = {key: value for key, value in os.environ.items() if key.lower() not in Settings.model_fields}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(ROOT), **settings},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_running_without_a_token_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    """No traceback: exit code 2, as for wrong usage. Nobody is asked where there is no terminal."""
    done = bot(tmp_path, "run")

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: DISCORD_TOKEN is missing (")


def test_running_with_a_database_of_something_else_is_one_line(tmp_path: Path) -> None:
    """Another program's database is not changed; the last line gives the reason, without a traceback."""
    with closing(sqlite3.connect(tmp_path / "theirs.db")) as theirs:
        theirs.execute("CREATE TABLE accounts (id INTEGER)")
        theirs.commit()

    done = bot(tmp_path, "run", DISCORD_TOKEN="x", DATABASE_URL="sqlite+aiosqlite:///theirs.db", HTTP_BIND="")

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "error: theirs.db is a database, but not this bot's"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("module", ["bot", "parallax_discord"])
def test_the_version_is_that_of_the_project(tmp_path: Path, module: str) -> None:
    """One line, in any folder, without any setting."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    done = bot(tmp_path, "--version", module=module)

    assert (done.returncode, done.stdout, done.stderr) == (0, f"parallax-discord {project['version']}\n", "")


def test_the_version_of_another_project_is_not_taken(tmp_path: Path) -> None:
    """What is installed beside the package may be anything."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "theirs"\nversion = "7.7"\n', encoding="utf-8")
    assert own_version(tmp_path) != "7.7"
    (tmp_path / "pyproject.toml").write_text("[project", encoding="utf-8")
    assert own_version(tmp_path) == own_version(tmp_path / "nowhere")


def test_migrating_makes_the_database_and_does_nothing_twice(tmp_path: Path) -> None:
    """Needs no token; says from which schema to which."""
    place = {"DATABASE_URL": "sqlite+aiosqlite:///kept/bot.db"}

    first, second = bot(tmp_path, "migrate", **place), bot(tmp_path, "migrate", **place)

    assert (first.returncode, first.stdout) == (0, f"schema none → {HEAD}\n")
    assert (second.returncode, second.stdout) == (0, f"schema {HEAD} → {HEAD}\n")
    assert (tmp_path / "kept" / "bot.db").exists()


def test_migrating_while_a_bot_runs_is_refused(tmp_path: Path) -> None:
    """One line that says why and what to do; nothing is created."""
    with ProcessLock.held(tmp_path / "bot.db"):
        done = bot(tmp_path, "migrate", DATABASE_URL="sqlite+aiosqlite:///bot.db")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: another process uses bot.db: nothing was changed, stop it first (run migrates by itself)\n"
    )
    assert not (tmp_path / "bot.db").exists()


def test_a_key_for_a_machine_is_printed_and_works_while_the_bot_runs(tmp_path: Path) -> None:
    """Its digest is all that is stored; before there is a schema, one line says what to do."""
    place = {"DATABASE_URL": "sqlite+aiosqlite:///bot.db"}
    early = bot(tmp_path, "key", "create", "--user", "4", **place)
    assert early.stderr == ("error: the database has not the newest schema: run `python -m bot migrate` first\n")
    bot(tmp_path, "migrate", **place)
    with ProcessLock.held(tmp_path / "bot.db"):
        done = bot(tmp_path, "key", "create", "--user", "4", "--guild", "8", "--name", "ci", **place)
    assert done.returncode == 0
    (secret,) = done.stdout.splitlines()
    with closing(sqlite3.connect(tmp_path / "bot.db")) as database:
        stored = database.execute("SELECT user_id, guild_id, name, digest, expires_at FROM api_keys").fetchall()
    assert stored == [(4, 8, "ci", hashlib.sha256(secret.encode()).hexdigest(), None)]
    assert secret.encode() not in (tmp_path / "bot.db").read_bytes()


def test_the_invitation_asks_for_what_the_bot_needs_and_no_more(tmp_path: Path) -> None:
    """Both scopes; the number is what README tells people to expect."""
    done = bot(tmp_path, "invite", "1234")

    permissions = 1 << 10 | 1 << 11 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 38
    assert done.stdout == (
        "https://discord.com/oauth2/authorize?client_id=1234"
        f"&scope=bot+applications.commands&permissions={permissions}\n"
    )
    assert f"`{permissions}`" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_example_is_printed_as_it_is(tmp_path: Path) -> None:
    """``make env-example`` writes it to the file."""
    assert bot(tmp_path, "env-example").stdout == render_env_example()


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_help_names_every_command(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Also when nothing was asked for."""
    done = bot(tmp_path, *arguments)

    said = done.stdout + done.stderr
    assert all(command in said for command in ("run", "migrate", "invite", "doctor", "env-example"))


def test_the_installed_command_has_the_sandbox_too(tmp_path: Path) -> None:
    """The bot's own commands, `demo` and `sandbox`; these read their arguments themselves."""
    said = bot(tmp_path, "--help", module="parallax_discord").stdout
    assert all(f"  {command} " in said for command in ("run", "doctor", "backup", "restore", "demo", "sandbox"))
    assert "--no-scene" in bot(tmp_path, "demo", "--help", module="parallax_discord").stdout
    assert bot(tmp_path, "run", module="parallax_discord").returncode == 2


def test_each_command_says_what_it_does(tmp_path: Path) -> None:
    """`run` too, which leaves docstrings out once it runs."""
    for command, words in {
        "run": "Run the bot",
        "migrate": "newest schema",
        "doctor": "Check settings",
    }.items():
        assert words in bot(tmp_path, command, "--help").stdout


def test_the_doctor_says_what_is_missing_and_fails(tmp_path: Path) -> None:
    """A line for each thing; nothing listens at these addresses."""
    done = bot(
        tmp_path,
        "doctor",
        DISCORD_TOKEN="hush-hush",
        DISCORD_API_URL="http://127.0.0.1:9/api/v10",
        PARALLAX_URL="http://127.0.0.1:9",
        DATABASE_URL="sqlite+aiosqlite:///bot.db",
    )

    assert done.returncode == 2
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [
        "ok   version",
        "WARN settings",
        "ok   database",
        "ok   disk",
        "BAD  scheduler",
        "BAD  discord",
        "ok   channels",
    ]
    assert "hush-hush" not in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_tells_programs(tmp_path: Path) -> None:
    """One object, with the same exit code."""
    dead = {"DISCORD_API_URL": "http://127.0.0.1:9/api/v10", "PARALLAX_URL": "http://127.0.0.1:9"}
    done = bot(tmp_path, "doctor", "--json", DISCORD_TOKEN="hush-hush", **dead)
    told = json.loads(done.stdout)
    assert (done.returncode, told["level"]) == (2, "broken")
    assert {"level": "warning", "what": "settings", "detail": "nobody is an operator"}.items() <= {
        **told["findings"][1]
    }.items()


def test_the_doctor_tells_no_login(tmp_path: Path) -> None:
    """Of the scheduler, though its address is named; nothing listens there."""
    done = bot(
        tmp_path,
        "doctor",
        DISCORD_TOKEN="hush-hush",
        DISCORD_API_URL="http://127.0.0.1:9/api/v10",
        PARALLAX_URL="http://ada:hush-parallax@127.0.0.1:9",
        DATABASE_URL="sqlite+aiosqlite:///bot.db",
        LOG_LEVEL="DEBUG",
    )

    assert "BAD  scheduler: http://127.0.0.1:9: " in done.stdout
    assert "hush" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "optimised"), [(["run"], True), (["doctor"], False), (["run", "--help"], False)]
)
def test_only_the_bot_itself_leaves_out_docstrings(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], *, optimised: bool
) -> None:
    """It starts again once, with the same arguments, and not when somebody has chosen a level."""
    started: list[tuple[str, list[str]]] = []
    monkeypatch.setattr("os.execv", lambda program, whole: started.append((program, whole)))
    monkeypatch.setattr("sys.argv", ["bot", *arguments])
    monkeypatch.setattr("sys.orig_argv", ["python", "-m", "bot", *arguments])
    monkeypatch.setenv("PYTHONOPTIMIZE", "")
    monkeypatch.delenv("PYTHONOPTIMIZE")
    leave_out_docstrings()
    assert started == ([(sys.executable, [sys.executable, "-m", "bot", *arguments])] if optimised else [])
    assert os.environ.get("PYTHONOPTIMIZE") == ("2" if optimised else None)
    started.clear()
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    leave_out_docstrings()
    assert started == []
