"""The counters behind numbers that a database gives out by itself, such as a request's sequence.

They are moved too: a number that was given out once must not be given out again after its row is gone, because
``conversations.cleared_upto`` compares such numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, Table, column, func, insert, select, table, text, update

from bot.storage.dialects import POSTGRES
from bot.storage.tables import metadata

_COUNTS = table("sqlite_sequence", column("name"), column("seq"))
_GIVEN_OUT = text("SELECT pg_sequence_last_value(CAST(pg_get_serial_sequence(:table, :column) AS regclass))")
_SET = text("SELECT setval(CAST(pg_get_serial_sequence(:table, :column) AS regclass), :number)")


def counted() -> Iterator[tuple[Table, str]]:
    """Every table whose key the database counts, with that key's column."""
    for one in metadata.sorted_tables:
        if one.dialect_options["sqlite"]["autoincrement"]:
            (key,) = one.primary_key
            yield one, key.name


def read_counters(connection: Connection) -> dict[str, int]:
    """The highest number that was given out, by table; 0 where none was."""
    return {
        one.name: max(_given_out(connection, one, key), _highest(connection, one, key)) for one, key in counted()
    }


def _highest(connection: Connection, one: Table, key: str) -> int:
    return int(connection.execute(select(func.max(one.c[key]))).scalar() or 0)


def _given_out(connection: Connection, one: Table, key: str) -> int:
    if connection.dialect.name == POSTGRES:
        found = connection.execute(_GIVEN_OUT, {"table": one.name, "column": key}).scalar()
    else:
        found = connection.execute(select(_COUNTS.c.seq).where(_COUNTS.c.name == one.name)).scalar()
    return int(found or 0)


def set_counters(connection: Connection, counters: Mapping[str, int]) -> None:
    """Let the next number of each table be above ``counters``."""
    for one, key in counted():
        number = counters[one.name]
        if number < 1:
            continue
        if connection.dialect.name == POSTGRES:
            connection.execute(_SET, {"table": one.name, "column": key, "number": number})
            continue
        here = _COUNTS.c.name == one.name
        if not connection.execute(update(_COUNTS).where(here).values(seq=number)).rowcount:
            connection.execute(insert(_COUNTS).values(name=one.name, seq=number))
