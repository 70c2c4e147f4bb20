"""Bringing databases to the newest schema."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from bot.errors import ConfigError, StorageError
from bot.storage import migrate, sqlite_schema
from bot.storage.tables import metadata
from tests.fakes.databases import new_database

FIRST = (
    "INSERT INTO conversations (id, channel_id, private_to) VALUES (1, 70, 0)",
    "INSERT INTO requests (request_id, state, kind, conversation_id, user_id, user_name, locale,"
    " application_id, channel_id, private, channel_route, prompt, material, asked_at, cost, weight,"
    " floor_tag, start_tag, charge, attempts, enqueued_at, changed_at)"
    " VALUES ('r', 'queued', 'ask', 1, 4, 'Ana', 'en-US', 9, 70, FALSE, TRUE, 'why?', '', 1, 100, 1,"
    " 0, 0, 0, 0, 1, 1)",
    "INSERT INTO request_messages (request_id, page, message_id) VALUES ('r', 0, 77)",
    "INSERT INTO turns (conversation_id, root_id, request_id, asker_id, asker_name, question, material,"
    " answer, finish, completion_tokens, created_at)"
    " VALUES (1, 'q', 'q', 4, 'Ana', 'what?', '', 'that', 'stop', 3, 1)",
    "INSERT INTO facts (key, value) VALUES ('commands', 'abc')",
)
SEEDS = {
    "0001": FIRST,
    "0002": (
        *FIRST,
        "UPDATE conversations SET inherits_root = 'q', scopes = '70,8'",
        "UPDATE requests SET source_message_id = 5, follows = 'q', manner = '{}', recalled = 3",
        "UPDATE turns SET follows = 'p'",
        "INSERT INTO profiles (scope_id, choices, changed_at, changed_by) VALUES (70, '{}', 1, 4)",
        "INSERT INTO usage (guild_id, day, user_id, user_name, questions, tokens, waited)"
        " VALUES (8, 20000, 4, 'Ana', 1, 100, 0.5)",
    ),
}
SEEDS["0003"] = (
    *SEEDS["0001"],
    "INSERT INTO boards (channel_id, message_id, locale) VALUES (70, 71, 'en-US')",
    "INSERT INTO cluster_events (at, kind, subject, detail) VALUES (1, 'usable', 'a-model', '{}')",
    "INSERT INTO cluster_samples (at, span, waiting, running, nodes_ready, nodes_listed, answers, ttft)"
    " VALUES (60, 60, 1, 2, 3, 4, 5, 0.5)",
    "INSERT INTO open_alerts (kind, subject, since) VALUES ('node_lost', 'a-node', 7)",
    "INSERT INTO switches (switch_id, state, model, nodes, local_network, by, started_at, step, step_since,"
    " drained, workers, paused_before) VALUES ('0a', 'open', 'new', 1, TRUE, 4, 1, 'stop', 1, 0, 0, FALSE)",
)
SEEDS["0004"] = (
    *SEEDS["0003"],
    "INSERT INTO summaries (conversation_id, text, upto, written_at) VALUES (1, 'the gist', 1, 1)",
    "INSERT INTO summary_sources (conversation_id, turn_id) VALUES (1, 1)",
)
SEEDS["0005"] = (*SEEDS["0004"], "UPDATE conversations SET cleared_upto = 1")
SEEDS["0006"] = (
    *SEEDS["0005"],
    "INSERT INTO unshown_ends (request_id, since, token, token_expires_at) VALUES ('r', 1, 'token', 900)",
)
SEEDS["0007"] = (
    *SEEDS["0006"],
    "INSERT INTO wishes (request_id, kind, by, since) VALUES ('r', 'stop', 4, 1)",
)
SEEDS["0008"] = (
    *SEEDS["0007"],
    "UPDATE requests SET wanted_cluster = 'studio', cluster = 'office'",
    "UPDATE cluster_events SET cluster = 'studio'",
    "INSERT INTO cluster_pauses (cluster, pause_reason, paused_by, paused_since) VALUES ('studio', 'disks', 4, 1)",
)
SEEDS["0009"] = (
    *SEEDS["0008"],
    "INSERT INTO api_keys (user_id, user_name, name, digest, prefix, created_at)"
    " VALUES (4, 'Ana', 'script', 'abc', 'plx-abcd', 1)",
)
SEEDS["0010"] = (
    *SEEDS["0009"],
    "INSERT INTO schedules (user_id, user_name, locale, application_id, channel_id, place, words, rule, zone,"
    " question, catch_up, with_summary, created_at, due_at, try_at)"
    " VALUES (4, 'Ana', 'en', 1, 7, '[]', '2h', '{}', 'UTC', 'q', TRUE, FALSE, 1, 2, 2)",
)
SEEDS["0011"] = (
    *SEEDS["0010"],
    "INSERT INTO help_threads (thread_id, channel_id, opened_by, opened_at, day) VALUES (90, 70, 4, 1, 20000)",
    "INSERT INTO help_calls (thread_id, called_by, called_at) VALUES (90, 4, 2)",
    "INSERT INTO help_opt_outs (user_id, chosen_at) VALUES (4, 3)",
)
"""Rows that a database of each revision may hold. Every new migration adds an entry for its own schema."""

KEPT_OF_CLUSTERS: dict[str, list[tuple[object, ...]]] = {
    "SELECT at, span, nodes_listed, answers, ttft FROM cluster_samples WHERE cluster = ''": [(60, 60, 4, 5, 0.5)],
    "SELECT kind, subject, since FROM open_alerts WHERE cluster = ''": [("node_lost", "a-node", 7)],
    "SELECT switch_id, state FROM switches WHERE cluster = ''": [("0a", "open")],
}
"""What a database from 0003 on still has, and what is read of it: its one cluster has no name."""


def config(file: Path) -> Config:
    found = Config()
    found.set_main_option("script_location", str(migrate.MIGRATIONS))
    found.attributes["file"] = file
    return found


def revisions() -> list[str]:
    scripts = ScriptDirectory(str(migrate.MIGRATIONS))
    return [script.revision for script in reversed(list(scripts.walk_revisions()))]


def _parts(sql: str) -> frozenset[str]:
    """The columns and constraints of a definition, in whatever order: a column that is added stands last."""
    parts, depth = [""], 0
    for character in " ".join(sql.split()):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if (character == "," and depth == 1) or (character == "(" and depth == 1):
            parts.append("")
        else:
            parts[-1] += character
    return frozenset(
        part.strip().removesuffix(")" if part.count(")") > part.count("(") else "").strip() for part in parts
    )


def schema(file: Path) -> set[tuple[str, str, frozenset[str]]]:
    """Every table and index as the parts of its definition."""
    with closing(sqlite3.connect(file)) as connection:
        found = connection.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'alembic%'"
        ).fetchall()
    return {(kind, name, _parts(sql)) for kind, name, sql in found}


def execute(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def rows(file: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(query).fetchall()


async def test_a_first_start_makes_folder_file_and_schema(tmp_path: Path) -> None:
    """From nothing, in a child process, to exactly the tables that the code expects."""
    file = tmp_path / "data" / "bot.db"
    expected = tmp_path / "expected.db"

    await migrate.upgrade(f"sqlite+aiosqlite:///{file}")

    engine = create_engine(f"sqlite:///{expected}")
    metadata.create_all(engine)
    engine.dispose()
    assert sqlite_schema.revision(file) == migrate.HEAD
    assert schema(file) == schema(expected)
    assert rows(file, "SELECT virtual_time, paused_since FROM line_state") == [(0.0, None)]
    assert sorted(path.name for path in file.parent.iterdir()) == ["bot.db"]


async def test_a_current_database_is_left_alone(tmp_path: Path) -> None:
    """The second start changes nothing and makes no backup."""
    url = new_database(tmp_path)
    before = (tmp_path / "bot.db").read_bytes()

    await migrate.upgrade(url)

    assert migrate.upgrade_sync(url) == migrate.HEAD
    assert (tmp_path / "bot.db").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["bot.db"]


def test_head_is_the_newest_migration() -> None:
    """The constant that spares every start the import of Alembic names the only head."""
    scripts = ScriptDirectory(str(migrate.MIGRATIONS))

    assert scripts.get_heads() == [migrate.HEAD]
    assert set(SEEDS) == set(revisions())


@pytest.mark.parametrize("older", revisions())
def test_data_of_every_older_schema_survives(tmp_path: Path, older: str) -> None:
    """A database of each revision ends in the newest schema with its rows, and a copy from before."""
    file = tmp_path / "bot.db"
    command.upgrade(config(file), older)
    execute(file, *SEEDS[older])

    assert migrate.upgrade_sync(f"sqlite+aiosqlite:///{file}") == older

    assert sqlite_schema.revision(file) == migrate.HEAD
    assert rows(file, "SELECT request_id, prompt, state FROM requests") == [("r", "why?", "queued")]
    assert rows(file, "SELECT question, answer FROM turns") == [("what?", "that")]
    if older >= "0003":
        assert [rows(file, query) for query in KEPT_OF_CLUSTERS] == [
            KEPT_OF_CLUSTERS[one] for one in KEPT_OF_CLUSTERS
        ]
    assert (tmp_path / f"bot.db.{older}.bak").exists() == (older != migrate.HEAD)


@pytest.fixture
def next_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A migration after the newest one, whose body the test writes."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrate.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(migrate, "MIGRATIONS", folder)
    monkeypatch.setattr(migrate, "HEAD", "9999")
    return folder / "versions" / "9999_next.py"


def _write(script: Path, *body: str) -> None:
    lines = "\n".join(f"    {line}" for line in body)
    script.write_text(
        "from alembic import op\n\n"
        f"revision = '9999'\ndown_revision = {revisions()[-1]!r}\n\n\ndef upgrade() -> None:\n{lines}\n"
    )


def test_an_upgrade_leaves_a_copy_of_what_was(tmp_path: Path, next_migration: Path) -> None:
    """The backup has the old schema and the data, also what is still in the write-ahead log."""
    before = revisions()[-1]
    url = new_database(tmp_path)
    file = tmp_path / "bot.db"
    _write(next_migration, "op.execute('DROP TABLE facts')")
    with closing(sqlite3.connect(file)) as writer:
        for statement in SEEDS[before]:
            writer.execute(statement)
        writer.commit()
        assert migrate.upgrade_sync(url) == before

    copy = tmp_path / f"bot.db.{before}.bak"
    assert (sqlite_schema.revision(file), sqlite_schema.revision(copy)) == ("9999", before)
    assert rows(copy, "SELECT value FROM facts") == [("abc",)]
    assert not rows(file, "SELECT name FROM sqlite_master WHERE name = 'facts'")


def test_a_failed_migration_changes_nothing(tmp_path: Path, next_migration: Path) -> None:
    """A migration that fails half way leaves the schema and the data as they were."""
    before = revisions()[-1]
    url = new_database(tmp_path)
    file = tmp_path / "bot.db"
    execute(file, *SEEDS[before])
    unchanged = schema(file)
    _write(next_migration, "op.execute('DROP TABLE facts')", "op.execute('no such thing')")

    with pytest.raises(StorageError, match="syntax error"):
        migrate.upgrade_sync(url)

    assert sqlite_schema.revision(file) == before
    assert schema(file) == unchanged
    assert rows(file, "SELECT value FROM facts") == [("abc",)]


async def test_a_newer_database_is_not_touched(tmp_path: Path) -> None:
    """An older bot says that it is the older one, through the child process too."""
    url = new_database(tmp_path)
    execute(tmp_path / "bot.db", "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(StorageError, match="newer version of the bot"):
        await migrate.upgrade(url)


async def test_somebody_elses_file_is_not_touched(tmp_path: Path) -> None:
    """Another program's database, and a file that is no database."""
    other = tmp_path / "other.db"
    execute(other, "CREATE TABLE theirs (id INTEGER)")
    text = tmp_path / "notes.txt"
    text.write_text("not a database, but long enough to be read as the header of one " * 20)

    with pytest.raises(StorageError, match="not this bot's"):
        await migrate.upgrade(f"sqlite+aiosqlite:///{other}")
    with pytest.raises(StorageError, match="cannot be read"):
        await migrate.upgrade(f"sqlite+aiosqlite:///{text}")


def test_looking_tells_what_a_start_would_find_and_changes_nothing(tmp_path: Path) -> None:
    """Nothing, an older schema, the newest, a newer one, another program's, a place that cannot be written."""
    file = tmp_path / "data" / "bot.db"
    url = f"sqlite+aiosqlite:///{file}"

    assert migrate.readiness(url) == f"there is none yet: the first start creates {file}"
    assert not file.parent.exists()
    file.parent.mkdir()
    command.upgrade(config(file), revisions()[0])
    assert migrate.readiness(url) == f"schema {revisions()[0]}: the next start brings it to {migrate.HEAD}"
    assert sqlite_schema.revision(file) == revisions()[0]
    command.upgrade(config(file), "head")
    assert migrate.readiness(url) == "the schema is the newest"
    execute(file, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StorageError, match="newer version of the bot"):
        migrate.readiness(url)
    execute(file, "DROP TABLE alembic_version")
    with pytest.raises(StorageError, match="not this bot's"):
        migrate.readiness(url)
    with pytest.raises(StorageError, match="cannot be written"):
        migrate.readiness(f"sqlite+aiosqlite:///{file}/bot.db")


@pytest.mark.parametrize("url", ["", "nonsense", "sqlite://", "sqlite+aiosqlite:///:memory:", "mysql://x/y"])
async def test_other_urls_are_refused_with_the_remedy(url: str) -> None:
    """One message says what cannot be used and what can."""
    with pytest.raises(ConfigError, match=r"DATABASE_URL.*sqlite\+aiosqlite:///data/bot.db"):
        await migrate.upgrade(url)


def test_a_start_does_not_load_alembic(tmp_path: Path) -> None:
    """Alembic would stay in the bot's memory."""
    url = new_database(tmp_path)
    program = (
        "import asyncio, sys\n"
        "from bot.storage.database import Database\n"
        "from bot.storage.migrate import upgrade\n"
        "async def start():\n"
        f"    await upgrade({url!r})\n"
        f"    async with Database.open({url!r}) as database:\n"
        "        await database.requests.counts()\n"
        "asyncio.run(start())\n"
        "print('alembic' in sys.modules)\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def test_an_empty_file_is_a_database_without_a_schema(tmp_path: Path) -> None:
    """SQLite makes one when it is opened and nothing is written; a sequence's table alone is nothing either."""
    file = tmp_path / "bot.db"
    assert sqlite_schema.revision(file) is None
    file.touch()
    assert sqlite_schema.revision(file) is None
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE one (id INTEGER PRIMARY KEY AUTOINCREMENT)")
        database.execute("DROP TABLE one")
        database.commit()
    assert sqlite_schema.revision(file) is None
