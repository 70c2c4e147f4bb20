"""Questions that have ended, until their messages show it.

What: a table.
Why: a process that ends between the commit of an end and the last edit leaves a message that still offers to
cancel the question; the next process finds it here.
When: November 2026.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration. There is no downgrade: restore the backup instead."""
    op.create_table(
        "unshown_ends",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("token_expires_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["requests.request_id"],
            name=op.f("fk_unshown_ends_request_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_unshown_ends")),
    )
