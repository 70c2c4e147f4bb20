"""Databases in which every table has rows, with values that databases keep in different ways."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, Connection, Table, delete, insert, select

from bot.domain.queue.request import OPEN_STATES, RequestState
from bot.storage.engine import ServerOptions, open_transactions
from bot.storage.move.counters import counted, set_counters
from bot.storage.tables import metadata

ROWS = 7
"""In each table, at least as many as a request has states."""

_STATES = tuple(RequestState)
_OF_ONE_ROW = {"line_state"}
_FLOATS = (0.1, -0.0, 1.0, 1e300, 5e-324, 1_800_000_000.123456, -7.25)
_TEXTS = ("", "naïve\r\n", '{"a": [1, null]}', "日本語 👍🏽", "a\u2400b", "'; --", "\\x00 %s :name")


def rows_of(table: Table, rows: int = ROWS, *, nul: bool = False) -> Iterator[dict[str, Any]]:
    """``rows`` rows of ``table``; with ``nul``, a text has the character U+0000, which SQLite keeps."""
    for number in range(1, 2 if table.name in _OF_ONE_ROW else rows + 1):
        row = {column.name: _value(column, number) for column in table.columns}
        yield {**row, **_special(table.name, number, nul=nul)}


def _value(column: Column[Any], number: int) -> Any:  # whatever the column holds
    for key in column.foreign_keys:
        return _value(key.column, number)
    if column.nullable and number % 3 == 0:
        return None
    kind = column.type.python_type
    if kind is bool:
        return number % 2 == 0
    if kind is int:
        is_counted = column.table.dialect_options["sqlite"]["autoincrement"] and column.primary_key
        is_id = str(column.type) == "BIGINT" and not is_counted
        return number * 1_234_567_890_123 if is_id else number
    if kind is float:
        return float(number) / 3 if column.primary_key else _FLOATS[number % len(_FLOATS)]
    text = f"{column.name} {number}"
    return text if column.primary_key or column.unique else text + _TEXTS[number % len(_TEXTS)]


def _special(table: str, number: int, *, nul: bool) -> dict[str, Any]:
    """What a check in the schema wants."""
    state = _STATES[number % len(_STATES)]
    special: dict[str, dict[str, Any]] = {
        "requests": {
            "state": state,
            "cost": number / 7,
            "weight": 1.0,
            "token": "a token" if state in OPEN_STATES else None,
            "prompt": "why\0?" if nul else "why?",
        },
        "feedback": {"value": 1 if number % 2 else -1},
        "switches": {"state": "open" if number == 1 else "done"},
    }
    return special.get(table, {})


def fill(connection: Connection, rows: int = ROWS, *, nul: bool = False) -> None:
    """Replace what the database holds by ``rows`` rows in each table."""
    for table in reversed(metadata.sorted_tables):
        connection.execute(delete(table))
    for table in metadata.sorted_tables:
        connection.execute(insert(table), list(rows_of(table, rows, nul=nul)))
    # Their keys were given out, as far as the database knows.
    set_counters(connection, {table.name: rows for table, _ in counted()})


async def filled(url: str, rows: int = ROWS, *, nul: bool = False) -> str:
    """The database at ``url``, which has the newest schema, filled; returns ``url``."""
    transactions = open_transactions(url, ServerOptions())
    try:
        await transactions.write(lambda connection: fill(connection, rows, nul=nul))
    finally:
        await transactions.close()
    return url


async def everything(url: str) -> dict[str, list[dict[str, Any]]]:
    """All rows by table, in an order of their own that is the same on every database."""
    transactions = open_transactions(url, ServerOptions())
    try:
        return await transactions.read(
            lambda connection: {
                table.name: sorted((dict(row) for row in connection.execute(select(table)).mappings()), key=repr)
                for table in metadata.sorted_tables
            }
        )
    finally:
        await transactions.close()
