"""The table of the API's keys."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Table

from bot.storage.column_types import SERIAL, TEXT
from bot.storage.metadata import METADATA

# Of a key itself only its digest is stored (SHA-256, hexadecimal).
api_keys = Table(
    "api_keys",
    METADATA,
    Column("key_id", SERIAL, primary_key=True, autoincrement=True),
    Column("user_id", BigInteger, nullable=False, index=True),
    Column("user_name", TEXT, nullable=False),
    # the server whose roles and settings count for its owner; NULL: as in direct messages
    Column("guild_id", BigInteger),
    Column("name", TEXT, nullable=False),
    Column("digest", TEXT, nullable=False, unique=True),
    Column("prefix", TEXT, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("last_used_at", Double),
    sqlite_autoincrement=True,
)
