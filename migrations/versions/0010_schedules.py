"""Schedules.

What: a table.
Why: people let questions be asked again and again, at times that they choose.
When: November 2026.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration. There is no downgrade: restore the backup instead."""
    serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "schedules",
        sa.Column("schedule_id", serial, autoincrement=True, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("guild_id", sa.BigInteger()),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("catch_up", sa.Boolean(), nullable=False),
        sa.Column("with_summary", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("due_at", sa.Double()),
        sa.Column("try_at", sa.Double()),
        sa.Column("paused_why", sa.Text()),
        sa.Column("paused_at", sa.Double()),
        sa.Column("last_at", sa.Double()),
        sa.Column("last_key", sa.Text()),
        sa.Column("read_to", sa.Double()),
        sa.PrimaryKeyConstraint("schedule_id", name=op.f("pk_schedules")),
        sqlite_autoincrement=True,
    )
    for column in ("user_id", "channel_id", "guild_id", "try_at"):
        op.create_index(f"ix_schedules_{column}", "schedules", [column])
