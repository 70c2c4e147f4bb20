"""Helpers for statements: rows that are replaced or updated, and changes whose result nobody reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, Executable, Table, delete, insert

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
    # Both dialects have the statement, each with a function of its own.
    if db.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as postgres_insert

        row = postgres_insert(table).values(**key, **values)
        db.execute(row.on_conflict_do_update(index_elements=list(key), set_=dict(values)))
    else:
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        put = sqlite_insert(table).values(**key, **values)
        db.execute(put.on_conflict_do_update(index_elements=list(key), set_=dict(values)))
