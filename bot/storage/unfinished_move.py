"""The mark on a database into which another one is being moved.

It is a table that exists from before the first row until everything is copied and compared. Its rows tell how far
the copy has come, each changed in the transaction that inserts what it tells of.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, MetaData, Table, Text

from bot.errors import StorageError

NAME = "unfinished_move"

unfinished_move = Table(
    NAME,
    MetaData(),  # no part of the schema: there is no such table in a database that a bot uses
    Column("name", Text, primary_key=True),  # a table, as in bot/storage/tables.py
    Column("upto", Text),  # JSON: the key of the last row that is copied
    Column("copied", BigInteger, nullable=False),  # rows
    Column("checksum", Text, nullable=False),  # of these rows, as at the source
)


def require_finished(place: str, *, is_marked: bool) -> None:
    """Raise :class:`StorageError` when the database called ``place`` has the mark."""
    if is_marked:
        raise StorageError(
            f"{place} holds a part of another database, because moving it here has not finished: run the same "
            "`migrate --to` again, which goes on where it stopped; the other database is as it was"
        )
