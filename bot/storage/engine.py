"""The port between stores and database, and the choice of the engine by ``DATABASE_URL``.

A transaction is a plain function of a :class:`sqlalchemy.Connection`, run by an asynchronous engine through
``AsyncConnection.run_sync``. The stores know only :class:`Transactions`, not the engine below it: SQLite's
(:mod:`bot.storage.sqlite`) has one connection that writes, another database may have a pool of them. The reasons
are in docs/decisions/0015-storage-on-the-async-engine.md.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from bot.errors import ConfigError
from bot.storage.sqlite import SqliteTransactions

T = TypeVar("T")

DRIVERS = ("sqlite", "sqlite+aiosqlite", "sqlite+pysqlite")


class Transactions(Protocol):
    """Runs transactions, for any number of tasks of one event loop.

    ``work`` may be run more than once, so it changes nothing but the database. A :class:`BotError` that it raises
    rolls the transaction back and passes through; the database's own errors become :class:`StorageError`. When
    the caller is cancelled, the transaction runs whole or not at all.
    """

    async def write(self, work: Callable[[Connection], T], *, urgent: bool = False) -> T:
        """Run ``work`` in a transaction that is committed and durable when this returns. ``urgent`` ones run
        before others that wait."""
        ...

    async def read(self, work: Callable[[Connection], T], *, urgent: bool = False) -> T:
        """Run ``work`` on one consistent snapshot, without waiting for writes. ``urgent`` ones run before others
        that wait."""
        ...

    async def close(self) -> None:
        """Finish what was submitted and close every connection."""
        ...


def database_file(url: str) -> Path:
    """The file that ``url`` names; its parent folder need not exist.

    Raises :class:`ConfigError` for anything but a SQLite file.
    """
    remedy = "DATABASE_URL: use a SQLite file, for example sqlite+aiosqlite:///data/bot.db"
    try:
        parsed = make_url(url)
    except ArgumentError as exc:
        raise ConfigError(remedy) from exc
    if parsed.drivername not in DRIVERS or not parsed.database or parsed.database == ":memory:":
        raise ConfigError(remedy)
    return Path(parsed.database)


def transactions_on(url: str) -> Transactions:
    """Transactions on the database at ``url``, which connect at first use. Raises :class:`ConfigError`."""
    return SqliteTransactions(database_file(url))
