"""What a statement tells the engine about itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, Executable, Table, delete, insert

UNASKED = "unasked"
"""The execution option of a change whose result nobody asks for; its row count is not known."""

StatementT = TypeVar("StatementT", bound=Executable)


def unasked(statement: StatementT) -> StatementT:
    """``statement``, which an engine may send with the next one of the transaction, or with the commit."""
    return statement.execution_options(**{UNASKED: True})


def replace_row(db: Connection, table: Table, where: ColumnElement[bool], values: Mapping[str, object]) -> None:
    """Leave one row with ``values`` in place of all that match ``where``."""
    db.execute(delete(table).where(where))
    db.execute(insert(table).values(**values))
