"""Help channels.

What: three tables: posts that are answered by themselves, calls for a person, and who wants no such answers.
Why: a post counts once towards its channel's day, and a person is called once in a thread, by any process.
When: November 2026.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration. There is no downgrade: restore the backup instead."""
    op.create_table(
        "help_threads",
        sa.Column("thread_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("opened_by", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.Double(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("taken_over", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("thread_id", name=op.f("pk_help_threads")),
    )
    op.create_index("ix_help_threads_channel_id", "help_threads", ["channel_id", "day"])
    op.create_table(
        "help_calls",
        sa.Column("thread_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("called_by", sa.BigInteger(), nullable=False),
        sa.Column("called_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("thread_id", name=op.f("pk_help_calls")),
    )
    op.create_table(
        "help_opt_outs",
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("chosen_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_help_opt_outs")),
    )
