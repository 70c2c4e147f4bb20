"""A connection of aiosqlite that makes only one trip to its thread for each statement.

SQLAlchemy makes a cursor, executes, fetches and closes, and aiosqlite does each of these four on the connection's
thread. A trip there and back is 30 µs on a busy machine and 100 µs on one whose cores sleep. Here a statement is
executed and all its rows are fetched in one trip (``aiosqlite.Connection.execute_fetchall``), and a cursor is a
plain object. Statements that nobody waits for (``BEGIN``, and a change whose result is not read) are sent in the
trip of the next statement. The figures are in docs/decisions/0015-storage-on-the-async-engine.md.

The statements of a brief transaction make no trip at all once it has begun: they run on the event loop's thread
(docs/decisions/0020-a-question-is-one-brief-transaction.md).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import aiosqlite

_Parameters = Sequence[Any]
_CHUNK = 64  # rows at once where somebody iterates over a cursor of aiosqlite, which nobody does here


class _Rows(list[Any]):
    """All rows of a statement, with the other results of its cursor."""

    def __init__(self, rows: Iterable[Any], cursor: sqlite3.Cursor) -> None:
        super().__init__(rows)
        self.description = cursor.description
        self.rowcount = cursor.rowcount
        self.lastrowid = cursor.lastrowid


class _SqliteCursor(sqlite3.Cursor):
    """Fetches rows together with the other results of the cursor, which is closed after that."""

    def fetchall(self) -> _Rows:
        return _Rows(super().fetchall(), self)


class _SqliteConnection(sqlite3.Connection):
    """Runs deferred statements before the next statement or the commit."""

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401  # what sqlite3 takes
        super().__init__(*arguments, **named)
        self.deferred: list[tuple[str, _Parameters]] = []

    def execute(self, sql: str, parameters: Any = (), /) -> _SqliteCursor:  # noqa: ANN401  # what sqlite3 takes
        self._run_deferred()
        # The method of the base class would not create a cursor of our class.
        return self.cursor(_SqliteCursor).execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        self._run_deferred()
        return super().executemany(sql, parameters)

    def commit(self) -> None:
        self._run_deferred()
        super().commit()

    def rollback(self) -> None:
        self.deferred.clear()
        super().rollback()

    def _run_deferred(self) -> None:
        deferred, self.deferred = self.deferred, []
        for sql, parameters in deferred:
            super().execute(sql, parameters)


class _Cursor(AbstractAsyncContextManager["_Cursor"]):
    """The part of aiosqlite's cursor that SQLAlchemy uses, without trips of its own."""

    arraysize = 1

    def __init__(self, connection: StatementConnection) -> None:
        self._connection = connection
        self._rows: Sequence[Any] = ()
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def execute(self, sql: str, parameters: _Parameters | None = None) -> _Cursor:
        """Execute the statement and fetch all its rows, or defer it."""
        if self._connection.take_deferred(sql, parameters or ()):
            self._rows, self.description, self.rowcount, self.lastrowid = (), None, -1, None
            return self
        if (brief := self._connection.brief) is not None:
            rows: Iterable[Any] = brief.execute(sql, parameters or ()).fetchall()
        else:
            rows = await self._connection.execute_fetchall(sql, parameters)
        if not isinstance(rows, _Rows):
            raise TypeError("the connection was not made by sqlite_driver.connected")
        self._rows, self.description = rows, rows.description
        self.rowcount, self.lastrowid = rows.rowcount, rows.lastrowid
        return self

    async def executemany(self, sql: str, parameters: Iterable[_Parameters]) -> _Cursor:
        """Execute the statement with each of ``parameters``; it must return no rows."""
        self.rowcount = (await self._connection.executemany(sql, parameters)).rowcount
        return self

    async def fetchall(self) -> Sequence[Any]:
        """The rows of the last statement."""
        return self._rows

    async def close(self) -> None:
        """Do nothing: the cursor below was closed when the rows were fetched."""


class StatementConnection(aiosqlite.Connection):
    """aiosqlite's connection with cursors that cost no trip to its thread."""

    def __init__(self, file: Path) -> None:
        """``file`` is created when there is none; the driver begins no transaction by itself."""
        self._file = file
        self._raw: _SqliteConnection | None = None
        self.defers_next = False
        self.runs_here = False
        """Whether the transaction that runs is brief."""
        super().__init__(self._open, _CHUNK)

    @property
    def brief(self) -> _SqliteConnection | None:
        """The connection below, for a statement that runs on the event loop's thread; None for one that must run
        on the connection's own.

        Only inside of a brief transaction that has begun: SQLite waits for no lock there
        (https://www.sqlite.org/lang_transaction.html, "IMMEDIATE"), and writes nothing to the disk that it has to
        wait for. The connection's thread is idle meanwhile: one task uses a connection, and waits for each trip.
        """
        return self._raw if self.runs_here and self._raw is not None and self._raw.in_transaction else None

    def defer(self, sql: str) -> None:
        """Run ``sql`` in the trip of the next statement. No statement may be running."""
        if self._raw is None:
            raise sqlite3.ProgrammingError("not connected")
        self._raw.deferred.append((sql, ()))

    def take_deferred(self, sql: str, parameters: _Parameters) -> bool:
        """Defer this statement if ``defers_next`` is set; returns whether it is deferred. Nobody reads its rows or
        how many rows it changed. Its errors are raised by the statement after it, or by the commit."""
        if self._raw is None or not self.defers_next:
            return False
        self.defers_next = False
        self._raw.deferred.append((sql, parameters))
        return True

    def cursor(self) -> _Cursor:  # type: ignore[override]  # no subclass: it shares nothing with aiosqlite's
        """A cursor for SQLAlchemy."""
        return _Cursor(self)

    def _open(self) -> sqlite3.Connection:
        # Used by one thread after the other, never by two at once (see `brief`).
        self._raw = sqlite3.connect(
            self._file, isolation_level=None, check_same_thread=False, factory=_SqliteConnection
        )
        return self._raw


async def connected(file: Path) -> StatementConnection:
    """Open a connection to ``file``. Raises :class:`sqlite3.Error`."""
    connection = StatementConnection(file)
    await connection
    return connection
