"""The table of schedules."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Table

from bot.storage.column_types import SERIAL, TEXT
from bot.storage.metadata import METADATA

# Ids are never given out again: the id of a run's question is made of its schedule's.
schedules = Table(
    "schedules",
    METADATA,
    Column("schedule_id", SERIAL, primary_key=True, autoincrement=True),
    # whose it is, and where the answers are shown
    Column("user_id", BigInteger, nullable=False, index=True),
    Column("user_name", TEXT, nullable=False),
    Column("locale", TEXT, nullable=False),
    Column("application_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False, index=True),
    Column("guild_id", BigInteger, index=True),
    Column("place", TEXT, nullable=False),  # JSON: the channel's scopes, nearest first
    # what is asked when
    Column("words", TEXT, nullable=False),
    Column("rule", TEXT, nullable=False),  # JSON: what the words mean
    Column("zone", TEXT, nullable=False),
    Column("question", TEXT, nullable=False),
    Column("catch_up", Boolean, nullable=False),
    Column("with_summary", Boolean, nullable=False),
    Column("created_at", Double, nullable=False),
    # both NULL while it is paused
    Column("due_at", Double),
    Column("try_at", Double, index=True),
    Column("paused_why", TEXT),
    Column("paused_at", Double),
    Column("last_at", Double),
    Column("last_key", TEXT),
    Column("read_to", Double),
    sqlite_autoincrement=True,
)
