"""The tables of help channels."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, Table, false

from bot.storage.metadata import METADATA

# A post that is answered by itself. Discord gives a thread the id of the message that it began with.
help_threads = Table(
    "help_threads",
    METADATA,
    Column("thread_id", BigInteger, primary_key=True, autoincrement=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("opened_by", BigInteger, nullable=False),
    Column("opened_at", Double, nullable=False),
    # the day of UTC, numbered from the epoch
    Column("day", Integer, nullable=False),
    # a person of the helper role has written: the bot is silent unless it is addressed
    Column("taken_over", Boolean, nullable=False, server_default=false()),
    Index("ix_help_threads_channel_id", "channel_id", "day"),
)

# Who called the helpers into a thread: once in each.
help_calls = Table(
    "help_calls",
    METADATA,
    Column("thread_id", BigInteger, primary_key=True, autoincrement=False),
    Column("called_by", BigInteger, nullable=False),
    Column("called_at", Double, nullable=False),
)

# People whose posts are answered only when they address the bot.
help_opt_outs = Table(
    "help_opt_outs",
    METADATA,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("chosen_at", Double, nullable=False),
)
