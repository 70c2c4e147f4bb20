"""What a statement tells the engine about itself."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import Executable

UNASKED = "unasked"
"""The execution option of a change whose result nobody asks for; its row count is not known."""

StatementT = TypeVar("StatementT", bound=Executable)


def unasked(statement: StatementT) -> StatementT:
    """``statement``, which an engine may send with the next one of the transaction, or with the commit."""
    return statement.execution_options(**{UNASKED: True})
