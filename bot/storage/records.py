"""Small things to remember: facts about the bot itself, what people prefer, what they thought of an answer,
and who did what to the cluster."""

from __future__ import annotations

from sqlalchemy import Connection, Table, insert, update


def _put(connection: Connection, table: Table, key: dict[str, object], values: dict[str, object]) -> None:
    """Update the row with this key, or insert it."""
    where = [table.c[name] == value for name, value in key.items()]
    if not connection.execute(update(table).where(*where).values(**values)).rowcount:
        connection.execute(insert(table).values(**key, **values))
