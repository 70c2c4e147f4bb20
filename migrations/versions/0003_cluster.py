"""The cluster over time, its nodes' names, boards, alerts and switches of its model.

What: tables only; nothing that exists is changed.
Why: events that nobody saw must be reported afterwards, and a switch must survive a restart.
When: November 2026.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OPEN = sa.text("state = 'open'")


def upgrade() -> None:
    """Apply the migration. There is no downgrade: restore the backup instead."""
    op.create_table(
        "cluster_events",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cluster_events")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_cluster_events_at"), "cluster_events", ["at"], unique=False)
    op.create_table(
        "cluster_samples",
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("span", sa.Double(), nullable=False),
        sa.Column("waiting", sa.Double(), nullable=False),
        sa.Column("running", sa.Double(), nullable=False),
        sa.Column("nodes_ready", sa.Double(), nullable=False),
        sa.Column("nodes_listed", sa.Double(), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.Column("ttft", sa.Double(), nullable=True),
        sa.Column("tokens_per_second", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("at", name=op.f("pk_cluster_samples")),
    )
    op.create_table(
        "node_names",
        sa.Column("node_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("gpu_name", sa.Text(), nullable=False),
        sa.Column("gpu_count", sa.Integer(), nullable=False),
        sa.Column("gpu_memory", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("node_id", name=op.f("pk_node_names")),
    )
    op.create_table(
        "boards",
        sa.Column("channel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=True),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_boards")),
    )
    op.create_table(
        "alert_channels",
        sa.Column("channel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=True),
        sa.Column("role_id", sa.BigInteger(), nullable=True),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("ping_owners", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_alert_channels")),
    )
    op.create_table(
        "open_alerts",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject", name=op.f("pk_open_alerts")),
    )
    op.create_table(
        "switches",
        sa.Column("switch_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("nodes", sa.Integer(), nullable=False),
        sa.Column("local_network", sa.Boolean(), nullable=False),
        sa.Column("previous_model", sa.Text(), nullable=True),
        sa.Column("previous_nodes", sa.Integer(), nullable=True),
        sa.Column("by", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("step_since", sa.Double(), nullable=False),
        sa.Column("claimed_at", sa.Double(), nullable=True),
        sa.Column("initialised", sa.Boolean(), nullable=True),
        sa.Column("drained", sa.Integer(), nullable=False),
        sa.Column("workers", sa.Integer(), nullable=False),
        sa.Column("paused_before", sa.Boolean(), nullable=False),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'done', 'cancelled', 'replaced')", name=op.f("ck_switches_state")),
        sa.PrimaryKeyConstraint("switch_id", name=op.f("pk_switches")),
    )
    op.create_index(
        "ix_switches_open", "switches", ["state"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN
    )
