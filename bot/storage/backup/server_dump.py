"""Dumps of a PostgreSQL database by PostgreSQL's own pg_dump."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from bot.errors import StorageError
from bot.storage.addresses import server_url, shown
from bot.storage.backup.folder import written
from bot.storage.backup.sqlite_copy import GoOn
from bot.storage.tables import metadata

LOOKED_EVERY = 0.2
"""Seconds between two calls of ``go_on``."""

_LAST_WORDS = 300  # characters of what a tool says when it fails


def dump(url: str, target: Path, go_on: GoOn = lambda _: None) -> int:
    """Write the database at ``url`` to ``target`` in pg_dump's custom format, whole or not at all; nobody but the
    file's owner may read it. Returns how many tables it holds.

    Raises :class:`StorageError` when pg_dump is missing or fails, or the result lacks tables.
    """
    for tool in ("pg_dump", "pg_restore"):
        if shutil.which(tool) is None:
            raise StorageError(
                f"{tool} is not installed: install PostgreSQL's client programs, of the server's version or "
                "newer, or make the backup where the server is"
            )
    with written(target) as partial:
        _run(["pg_dump", "--format=custom", "--no-password", f"--file={partial}"], url, go_on)
        listed = _run(["pg_restore", "--list", str(partial)], url, go_on)
        tables = sum(" TABLE DATA " in line for line in listed.splitlines())
        if tables < len(metadata.tables):
            raise StorageError(f"the dump of {shown(url)} has {tables} tables, and the bot {len(metadata.tables)}")
        return tables


def _run(command: list[str], url: str, go_on: GoOn) -> str:
    """Run a tool to its end; returns what it printed. Other users of the machine see its arguments, so what names
    the database is in its environment."""
    program = shutil.which(command[0]) or command[0]
    with (
        subprocess.Popen(  # noqa: S603  # PostgreSQL's own programs, from the PATH
            [program, *command[1:]],
            env={**os.environ, **environment(url)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as process
    ):
        try:
            output, errors = _outcome(process, go_on)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        words = " ".join(errors.split())[:_LAST_WORDS]
        raise StorageError(f"{command[0]} failed for {shown(url)}: {words or process.returncode}")
    return output


def _outcome(process: subprocess.Popen[str], go_on: GoOn) -> tuple[str, str]:
    while True:
        try:
            return process.communicate(timeout=LOOKED_EVERY)
        except subprocess.TimeoutExpired:
            go_on(0.0)


def environment(url: str) -> dict[str, str]:
    """How libpq's programs are told of the database at ``url``
    (https://www.postgresql.org/docs/current/libpq-envars.html)."""
    parsed = server_url(url)
    host = parsed.host or parsed.query.get("host")
    told = {
        "PGHOST": host,
        "PGPORT": parsed.port,
        "PGDATABASE": parsed.database,
        "PGUSER": parsed.username,
        "PGPASSWORD": parsed.password,
        "PGSSLMODE": parsed.query.get("ssl"),
    }
    return {name: str(value) for name, value in told.items() if value}
