"""A connection of aiosqlite that goes to its thread once for each statement.

SQLAlchemy makes a cursor, executes, fetches and closes, and aiosqlite does each of these four on the connection's
thread: a trip of 30 µs or more, as it also waits for whatever else the event loop does. Here a statement is
executed and all its rows are fetched in one trip (``aiosqlite.Connection.execute_fetchall``), a transaction begins
in the trip of its first statement, and a cursor is a plain object. The figures are in
docs/decisions/0014-storage-on-the-async-engine.md.
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
    """All rows of a statement, with what else its cursor knew."""

    def __init__(self, rows: Iterable[Any], cursor: sqlite3.Cursor) -> None:
        super().__init__(rows)
        self.description = cursor.description
        self.rowcount = cursor.rowcount
        self.lastrowid = cursor.lastrowid


class _SqliteCursor(sqlite3.Cursor):
    """Fetches rows that tell what their cursor knows, when it is gone."""

    def fetchall(self) -> _Rows:
        return _Rows(super().fetchall(), self)


class _SqliteConnection(sqlite3.Connection):
    """Begins a transaction together with its first statement."""

    begin_with: str | None = None

    def execute(self, sql: str, parameters: Any = (), /) -> _SqliteCursor:  # noqa: ANN401  # what sqlite3 takes
        self._begin()
        # The module's own makes its cursors without asking for a class.
        return self.cursor(_SqliteCursor).execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        self._begin()
        return super().executemany(sql, parameters)

    def commit(self) -> None:
        self.begin_with = None
        super().commit()

    def rollback(self) -> None:
        self.begin_with = None
        super().rollback()

    def _begin(self) -> None:
        if self.begin_with is not None:
            statement, self.begin_with = self.begin_with, None
            super().execute(statement)


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
        """Execute the statement and fetch all its rows."""
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
        """Nothing to do: the cursor below is gone since the rows were fetched."""


class StatementConnection(aiosqlite.Connection):
    """aiosqlite's connection with cursors that cost no trip to its thread."""

    def __init__(self, file: Path) -> None:
        """``file`` is made when there is none; a transaction begins only where one is begun."""
        self._file = file
        self._raw: _SqliteConnection | None = None
        super().__init__(self._open, _CHUNK)

    def begin(self, statement: str) -> None:
        """Run ``statement``, a form of ``BEGIN``, in the trip of the next one. No statement may be on its way."""
        if self._raw is None:
            raise sqlite3.ProgrammingError("not connected")
        self._raw.begin_with = statement

    def cursor(self) -> _Cursor:  # type: ignore[override]  # no subclass: it shares nothing with aiosqlite's
        """A cursor for SQLAlchemy."""
        return _Cursor(self)

    def _open(self) -> sqlite3.Connection:
        self._raw = sqlite3.connect(self._file, isolation_level=None, factory=_SqliteConnection)
        return self._raw


async def connected(file: Path) -> StatementConnection:
    """Open a connection to ``file``. Raises :class:`sqlite3.Error`."""
    connection = StatementConnection(file)
    await connection
    return connection
