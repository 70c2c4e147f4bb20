"""Summaries of the turns that no longer fit a prompt, and which turns each was made of.

What: two new tables, and a nullable column that says whether an answer was given with a summary.
Why: a summary is text about people, so it has to go as soon as one of the turns it was made of goes.
When: November 2026.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply the migration. There is no downgrade: restore the backup instead."""
    op.add_column("requests", sa.Column("summarised", sa.Boolean(), nullable=True))
    op.create_table(
        "summaries",
        sa.Column("conversation_id", SERIAL, autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("written_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_summaries_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_summaries")),
    )
    op.create_table(
        "summary_sources",
        sa.Column("conversation_id", SERIAL, autoincrement=False, nullable=False),
        sa.Column("turn_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["summaries.conversation_id"],
            name=op.f("fk_summary_sources_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("conversation_id", "turn_id", name=op.f("pk_summary_sources")),
    )
    op.create_index(op.f("ix_summary_sources_turn_id"), "summary_sources", ["turn_id"], unique=False)
