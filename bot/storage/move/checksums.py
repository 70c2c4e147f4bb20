"""A form of rows that is the same on every kind of database, and sums of such rows."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Column, Table

from bot.errors import StorageError
from bot.storage.column_types import NUL, SHOWN_NUL

_MODULUS = 1 << 256


@dataclass(frozen=True, slots=True)
class Checksum:
    """Of a set of rows: how many they are, and the sum of their SHA-256 hashes modulo 2^256.

    The order of the rows makes no difference: databases sort text in different ways.
    """

    rows: int = 0
    value: int = 0

    def plus(self, row: bytes) -> Checksum:
        """With one more row, in its canonical form."""
        return Checksum(
            self.rows + 1, (self.value + int.from_bytes(hashlib.sha256(row).digest(), "big")) % _MODULUS
        )

    @property
    def text(self) -> str:
        """The sum in 64 hexadecimal digits."""
        return f"{self.value:064x}"

    @classmethod
    def of_text(cls, rows: int, text: str) -> Checksum:
        """What :attr:`text` was made of."""
        return cls(rows, int(text, 16))


NO_ROWS = Checksum()


def canonical(table: Table, row: Mapping[str, object]) -> bytes:
    """A row of ``table`` as bytes: equal for rows that mean the same, whichever database they come from.

    Raises :class:`StorageError` for a value that does not fit its column, which SQLite does not prevent.
    """
    return b"".join(_encoded(column, row[column.name]) for column in table.columns)


def _encoded(column: Column[object], value: object) -> bytes:
    if value is None:
        return b"-"
    kind = column.type.python_type
    # Whole numbers may stand where others are kept, and SQLite has no booleans.
    if kind is bool and isinstance(value, bool | int) and value in {0, 1}:
        return b"T" if value else b"F"
    if kind is int and isinstance(value, int) and not isinstance(value, bool):
        return _framed(b"i", b"%d" % value)
    if kind is float and isinstance(value, float | int) and not isinstance(value, bool):
        # SQLite keeps no negative zero, and the sum of both zeros is the positive one.
        return b"d" + struct.pack(">d", float(value) + 0.0)
    if kind is str and isinstance(value, str):
        # PostgreSQL keeps no U+0000 (bot/storage/column_types.py).
        return _framed(b"s", value.replace(NUL, SHOWN_NUL).encode())
    raise StorageError(f"{column}: the column is for {kind.__name__} and has a {type(value).__name__}")


def _framed(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack(">Q", len(content)) + content
