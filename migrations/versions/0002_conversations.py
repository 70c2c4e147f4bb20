"""Branches of conversations, profiles of channels, and usage by day.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply it. Every new column is nullable, because rows from before do not have it."""
    op.add_column("conversations", sa.Column("inherits_root", sa.Text(), nullable=True))
    op.add_column("conversations", sa.Column("scopes", sa.Text(), nullable=True))
    op.add_column("turns", sa.Column("follows", sa.Text(), nullable=True))
    op.add_column("requests", sa.Column("source_message_id", sa.BigInteger(), nullable=True))
    op.add_column("requests", sa.Column("follows", sa.Text(), nullable=True))
    op.add_column("requests", sa.Column("manner", sa.Text(), nullable=True))
    op.add_column("requests", sa.Column("recalled", sa.Integer(), nullable=True))
    op.create_index(
        "ix_requests_source_message_id",
        "requests",
        ["source_message_id"],
        unique=False,
        sqlite_where=sa.text("source_message_id IS NOT NULL"),
        postgresql_where=sa.text("source_message_id IS NOT NULL"),
    )
    op.create_index("ix_requests_conversation_id_asked_at", "requests", ["conversation_id", "asked_at"])
    op.create_table(
        "profiles",
        sa.Column("scope_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("choices", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.Double(), nullable=False),
        sa.Column("changed_by", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope_id", name=op.f("pk_profiles")),
    )
    op.create_table(
        "usage",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("questions", sa.Integer(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("waited", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", "day", "user_id", name=op.f("pk_usage")),
    )
    op.create_index("ix_usage_user_id_day", "usage", ["user_id", "day"], unique=False)
