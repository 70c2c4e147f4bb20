"""Helpers for statements: rows that are replaced or updated, and changes whose result nobody reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, Executable, Table, delete, insert, update

UNASKED = "unasked"
"""The execution option of a change whose result nobody reads; its row count is not known."""

StatementT = TypeVar("StatementT", bound=Executable)


def unasked(statement: StatementT) -> StatementT:
    """Mark ``statement`` so that an engine may send it together with the next one, or with the commit."""
    return statement.execution_options(**{UNASKED: True})


def replace_row(db: Connection, table: Table, where: ColumnElement[bool], values: Mapping[str, object]) -> None:
    """Replace all rows that match ``where`` by one row with ``values``."""
    db.execute(delete(table).where(where))
    db.execute(insert(table).values(**values))


def put_row(db: Connection, table: Table, key: Mapping[str, object], values: Mapping[str, object]) -> None:
    """Update the row with this key, or insert it."""
    where = [table.c[name] == value for name, value in key.items()]
    if not db.execute(update(table).where(*where).values(**values)).rowcount:
        db.execute(insert(table).values(**key, **values))
