"""The canonical form of rows: the same for every database, different for rows that differ."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Boolean, Column, Double, MetaData, Table

from bot.errors import StorageError
from bot.storage.column_types import TEXT
from bot.storage.move.checksums import Checksum, canonical
from bot.storage.tables import metadata
from tests.fakes.full_databases import rows_of

TABLE = Table(
    "every_type",
    MetaData(),
    Column("a_text", TEXT),
    Column("another_text", TEXT),
    Column("a_number", BigInteger),
    Column("a_flag", Boolean),
    Column("a_double", Double),
)

NAMES = [column.name for column in TABLE.columns]
_LARGEST = 2**63 - 1
TEXTS = st.none() | st.text(st.characters(codec="utf-8") | st.sampled_from("\0\u2400i-s"), max_size=6)
ROWS = st.fixed_dictionaries(
    {
        "a_text": TEXTS,
        "another_text": TEXTS,
        "a_number": st.none() | st.integers(-_LARGEST, _LARGEST) | st.integers(-2, 2),
        "a_flag": st.none() | st.booleans(),
        "a_double": st.none() | st.floats(allow_nan=False) | st.sampled_from([0.0, -0.0, 1.0]),
    }
)


def as_sqlite_keeps_it(row: dict[str, Any]) -> dict[str, Any]:
    """No booleans, no negative zero; a whole number may come where another one is kept."""
    double = row["a_double"]
    if double is not None and double.is_integer() and abs(double) < 2**53:
        double = int(double)
    return {**row, "a_flag": None if row["a_flag"] is None else int(row["a_flag"]), "a_double": double}


def as_postgres_keeps_it(row: dict[str, Any]) -> dict[str, Any]:
    """No U+0000."""
    return {
        name: value.replace("\0", "\u2400") if isinstance(value, str) else value for name, value in row.items()
    }


def means(row: dict[str, Any]) -> list[Any]:
    """What a bot finds in the row, on any database: floats by their bits, and types told apart."""
    return [
        (type(value), struct.pack(">d", value + 0.0) if isinstance(value, float) else value)
        for value in map(as_postgres_keeps_it(row).__getitem__, NAMES)
    ]


@given(ROWS)
def test_a_row_has_one_form_on_every_database(row: dict[str, Any]) -> None:
    """As Python has it, as SQLite keeps it and as PostgreSQL does."""
    assert canonical(TABLE, as_sqlite_keeps_it(row)) == canonical(TABLE, row)
    assert canonical(TABLE, as_postgres_keeps_it(row)) == canonical(TABLE, row)


@given(ROWS, ROWS)
def test_forms_are_equal_exactly_for_equal_rows(one: dict[str, Any], other: dict[str, Any]) -> None:
    """However texts border on each other, and whatever they contain."""
    assert (canonical(TABLE, one) == canonical(TABLE, other)) == (means(one) == means(other))


@given(st.lists(ROWS, max_size=5), st.lists(ROWS, max_size=5), st.randoms())
def test_sums_are_equal_exactly_for_the_same_rows(one: list[Any], other: list[Any], random: Any) -> None:
    """In any order; a row that is there twice is not one that is there once."""
    shuffled = list(one)
    random.shuffle(shuffled)
    assert total(one) == total(shuffled)
    same = sorted(map(repr, map(means, one))) == sorted(map(repr, map(means, other)))
    assert (total(one) == total(other)) == same


def total(rows: list[Any]) -> Checksum:
    found = Checksum()
    for row in rows:
        found = found.plus(canonical(TABLE, row))
    return found


@given(st.integers(0, 2**256 - 1), st.integers(0, 10**9))
def test_a_sum_is_kept_as_text(value: int, rows: int) -> None:
    """And comes back the same."""
    found = Checksum(rows, value)
    assert Checksum.of_text(rows, found.text) == found
    assert len(found.text) == 64


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=str)
def test_every_column_of_the_schema_has_a_form(table: Table) -> None:
    """A column of a new type needs one."""
    forms = [canonical(table, row) for row in rows_of(table)]
    assert len(set(forms)) == len(forms)


@pytest.mark.parametrize(
    ("column", "value"),
    [("a_number", "7"), ("a_number", 7.5), ("a_text", 7), ("a_text", b"x"), ("a_flag", 2), ("a_double", "1")],
)
def test_a_value_of_another_type_is_refused(column: str, value: object) -> None:
    """SQLite keeps anything anywhere; the sentence names the column and not the value."""
    row = dict.fromkeys(NAMES) | {column: value}
    with pytest.raises(StorageError, match=rf"^every_type\.{column}: the column is for \w+ and has an? \w+$"):
        canonical(TABLE, row)


def test_what_is_no_number_has_a_form() -> None:
    """PostgreSQL keeps it, and the infinite ones."""
    forms = {canonical(TABLE, dict.fromkeys(NAMES) | {"a_double": one}) for one in (math.nan, math.inf)}
    assert len(forms) == 2
