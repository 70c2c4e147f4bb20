"""Up to which question a conversation was cleared.

What: a nullable column.
Why: a question that was asked before ``/context clear`` and is answered after it must not be remembered.
When: November 2026.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration. There is no downgrade: restore the backup instead."""
    op.add_column("conversations", sa.Column("cleared_upto", sa.BigInteger(), nullable=True))
