"""Several clusters behind one queue: which one runs a question, and whose history, switch or alert a row is.

What: two nullable columns of questions; ``cluster`` in four tables, in two of them as a part of the key; a table.
Why: one bot may send questions to several schedulers. What was kept before belongs to the one without a name.
When: November 2026.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration. There is no downgrade: restore the backup instead."""
    op.add_column("requests", sa.Column("wanted_cluster", sa.Text(), nullable=True))
    op.add_column("requests", sa.Column("cluster", sa.Text(), nullable=True))
    op.add_column("cluster_events", _cluster())
    op.add_column("switches", _cluster())
    op.drop_index("ix_switches_open", table_name="switches")
    is_open = sa.text("state = 'open'")
    op.create_index(
        "ix_switches_open", "switches", ["cluster"], unique=True, sqlite_where=is_open, postgresql_where=is_open
    )
    # A table whose key changes is made anew, in the same way on both engines.
    op.execute("CREATE TABLE kept AS SELECT * FROM cluster_samples")
    op.drop_table("cluster_samples")
    op.create_table(
        "cluster_samples",
        _cluster(),
        *(sa.Column(name, sa.Double(), nullable=False) for name in ("at", "span", "waiting", "running")),
        *(sa.Column(name, sa.Double(), nullable=False) for name in ("nodes_ready", "nodes_listed")),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.Column("ttft", sa.Double(), nullable=True),
        sa.Column("tokens_per_second", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("cluster", "at", name=op.f("pk_cluster_samples")),
    )
    columns = "at, span, waiting, running, nodes_ready, nodes_listed, answers, ttft, tokens_per_second"
    op.execute(f"INSERT INTO cluster_samples ({columns}) SELECT {columns} FROM kept")  # noqa: S608  # no input
    op.drop_table("kept")
    op.execute("CREATE TABLE kept AS SELECT * FROM open_alerts")
    op.drop_table("open_alerts")
    op.create_table(
        "open_alerts",
        _cluster(),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("kind", "subject")),
        sa.Column("since", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("cluster", "kind", "subject", name=op.f("pk_open_alerts")),
    )
    op.execute("INSERT INTO open_alerts (kind, subject, since) SELECT kind, subject, since FROM kept")
    op.drop_table("kept")
    op.create_table(
        "cluster_pauses",
        sa.Column("cluster", sa.Text(), nullable=False),
        sa.Column("pause_reason", sa.Text(), nullable=False),
        sa.Column("paused_by", sa.BigInteger(), nullable=False),
        sa.Column("paused_since", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("cluster", name=op.f("pk_cluster_pauses")),
    )


def _cluster() -> sa.Column[str]:
    return sa.Column("cluster", sa.Text(), nullable=False, server_default="")
