"""Types of columns that differ between SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

SERIAL = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite counts only a column declared exactly INTEGER PRIMARY KEY."""

NUL, SHOWN_NUL = "\x00", "\u2400"


class _PostgresText(TypeDecorator[str]):
    """Text on PostgreSQL, which cannot store the character U+0000
    (https://www.postgresql.org/docs/current/datatype-character.html): its picture, U+2400, takes its place."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # SQLAlchemy's
        """The text as it is sent."""
        return value.replace(NUL, SHOWN_NUL) if value and NUL in value else value


TEXT = Text().with_variant(_PostgresText(), "postgresql")
"""Text, as somebody typed it."""
