"""What SQLite and PostgreSQL do differently inside of a transaction. All else in the stores is the same SQL.

SQLite has one writer, so a transaction that reads something and then writes by it needs no lock. On PostgreSQL
several write at a time, each statement sees what was committed when it began (READ COMMITTED), and such a
transaction has to lock first: :func:`hold_queue`.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, cast, func, select

from bot.storage.advisory_locks import HELD, Kind, key
from bot.storage.column_types import TEXT
from bot.storage.tables import line_state

POSTGRES = "postgresql"
"""SQLAlchemy's name of the dialect."""

QUEUE_CHANGED = "queue changed"
"""The entry of a connection's ``info`` that says whether other processes are to look at the queue again."""

NUMBER = "transaction number"
"""The entry of a connection's ``info`` with the number of the transaction at the server, once it is known."""

_HOLD = select(cast(func.pg_current_xact_id(), TEXT)).select_from(line_state).with_for_update(of=line_state)


def hold_queue(connection: Connection) -> None:
    """Let no other transaction that calls this run until this one ends. Call it before anything else: what a
    statement sees is decided when it begins, not when it has its lock.

    What is held are the queue and everything that a question changes: accounts, turns, summaries, and the profiles
    by which it is admitted.
    """
    if connection.dialect.name == POSTGRES:
        connection.info[NUMBER] = connection.execute(_HOLD).scalar_one()


def queue_changed(connection: Connection) -> None:
    """Let other processes look at the queue again once this transaction is committed."""
    connection.info[QUEUE_CHANGED] = True


def still_there(connection: Connection, owners: Collection[str]) -> frozenset[str]:
    """Of these names of processes, those whose process has its session with the server at this moment. Empty on
    SQLite, where one process has the database.

    A process takes its lock before it owns anything, so the owner of a row that was read before this is called is
    there unless it has ended.
    """
    if not owners or connection.dialect.name != POSTGRES:
        return frozenset()
    held = {row.key for row in connection.execute(HELD, {"kind": int(Kind.PROCESS)})}
    return frozenset(owner for owner in owners if key(owner) in held)
