"""Transactions on the database that ``DATABASE_URL`` names: the port that the stores know, and what implements it.

A transaction is a plain function of a :class:`sqlalchemy.Connection`, run by an asynchronous engine through
``AsyncConnection.run_sync``. The reasons are in docs/decisions/0015-storage-on-the-async-engine.md and
docs/decisions/0026-the-same-bot-on-postgresql.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from bot.clock import Clock
from bot.storage.addresses import database_file, is_postgres
from bot.storage.sqlite_transactions import SqliteTransactions

__all__ = ["ChangesFeed", "DatabaseWatch", "ServerOptions", "Transactions", "database_file", "open_transactions"]

T = TypeVar("T")


class DatabaseWatch(Protocol):
    """A look at whether the database can be used."""

    def fault(self) -> str | None:
        """What is wrong with it, with the remedy; None while nothing is."""
        ...

    async def run(self, clock: Clock) -> None:
        """Watch until something is wrong that does not pass; then say so once and raise :class:`StorageError`."""
        ...


class ChangesFeed(Protocol):
    """Tells of changes that other processes make to the queue: :class:`bot.domain.queue.store.QueueChanges`."""

    async def wait(self) -> None:
        """Return when another process has changed the queue since the last call returned, or may have."""
        ...

    async def run(self) -> None:
        """Hear of the changes, until cancelled."""
        ...


class Transactions(Protocol):
    """Runs transactions, for any number of tasks of one event loop.

    ``work`` may be run more than once, so it changes nothing but the database. A :class:`BotError` that it raises
    rolls the transaction back and passes through; the database's own errors become :class:`StorageError`. When
    the caller is cancelled, the transaction runs whole or not at all.
    """

    @property
    def watch(self) -> DatabaseWatch:
        """Whether the database can be used."""
        ...

    @property
    def changes(self) -> ChangesFeed | None:
        """What other processes do to the queue; None when there can be none."""
        ...

    async def write(
        self, work: Callable[[Connection], T], *, urgent: bool = False, brief: bool = False, lasting: bool = True
    ) -> T:
        """Run ``work`` in a transaction that is committed and on disk when this returns.

        What is not ``lasting`` survives the end of the process, and need not survive that of the machine: nobody
        was told of it, and a start would undo it anyway. Such a transaction may wait less for the disk.

        ``urgent`` writes overtake the others that wait: a pipeline is idle until the next question is taken,
        however many questions join the queue at that moment. Each kind begins in its order.

        ``brief`` work reads and changes a few rows through indexes, which some databases run in a cheaper way.
        """
        ...

    async def read(self, work: Callable[[Connection], T], *, urgent: bool = False) -> T:
        """Run ``work`` on a snapshot of the last commit, without waiting for writes. ``urgent`` ones run before
        others that wait."""
        ...

    async def close(self) -> None:
        """Finish what was submitted and close every connection."""
        ...


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How a PostgreSQL server is used: at most ``connections`` (≥ 2) at a time, half of them for writes, and no
    statement longer than ``statement_seconds``. SQLite needs neither."""

    connections: int = 6
    statement_seconds: float = 30.0


def open_transactions(url: str, options: ServerOptions) -> Transactions:
    """Transactions on the database at ``url``; connects at first use. Raises :class:`ConfigError` when it names no
    database that the bot can use."""
    if not is_postgres(url):
        return SqliteTransactions(database_file(url))
    from bot.storage.postgres_transactions import PostgresTransactions

    return PostgresTransactions(url, options)
