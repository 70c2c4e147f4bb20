"""The first schema: conversations, their turns, requests and the queue.

What: every table of the first release.
Why: a question is a row before anything else happens to it, so that no crash loses it.
When: November 2026.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
QUEUED = sa.text("state = 'queued'")
RUNNING = sa.text("state = 'running'")
ANSWERED = sa.text("state = 'answered'")


def upgrade() -> None:
    """Apply the migration. There is no downgrade: restore the backup instead."""
    op.create_table(
        "accounts",
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("finish", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_accounts")),
    )

    op.create_table(
        "audit",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )

    op.create_table(
        "conversations",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=True),
        sa.Column("private_to", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
        sa.UniqueConstraint("channel_id", "private_to", name=op.f("uq_conversations_channel_id_private_to")),
        sqlite_autoincrement=True,
    )

    op.create_table(
        "facts",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_facts")),
    )

    op.create_table(
        "line_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("virtual_time", sa.Double(), nullable=False),
        sa.Column("pause_reason", sa.Text(), nullable=True),
        sa.Column("paused_by", sa.BigInteger(), nullable=True),
        sa.Column("paused_since", sa.Double(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_line_state_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line_state")),
    )

    op.create_table(
        "preferences",
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("announce", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_preferences")),
    )

    op.create_table(
        "requests",
        sa.Column("sequence", SERIAL, autoincrement=True, nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("root_id", sa.Text(), nullable=True),
        sa.Column("conversation_id", SERIAL, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=True),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("channel_route", sa.Boolean(), nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("token_expires_at", sa.Double(), nullable=True),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("material", sa.Text(), nullable=False),
        sa.Column("think", sa.Boolean(), nullable=True),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("cost", sa.Double(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("floor_tag", sa.Double(), nullable=False),
        sa.Column("start_tag", sa.Double(), nullable=False),
        sa.Column("charge", sa.Double(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("enqueued_at", sa.Double(), nullable=False),
        sa.Column("changed_at", sa.Double(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=True),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.Double(), nullable=True),
        sa.Column("error_key", sa.Text(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("reasoning", sa.Text(), nullable=True),
        sa.Column("finish", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("prompt_tokens", sa.Integer(), nullable=True),
        sa.Column("completion_tokens", sa.Integer(), nullable=True),
        sa.Column("ttft", sa.Double(), nullable=True),
        sa.Column("duration", sa.Double(), nullable=True),
        sa.Column("tokens_per_second", sa.Double(), nullable=True),
        sa.Column("counted", sa.Boolean(), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'answered', 'delivered', 'cancelled', 'failed', 'expired')",
            name=op.f("ck_requests_state"),
        ),
        sa.CheckConstraint(
            "token IS NULL OR state IN ('queued', 'running', 'answered')",
            name=op.f("ck_requests_token_forgotten"),
        ),
        sa.CheckConstraint("cost > 0 AND weight > 0", name=op.f("ck_requests_share")),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_requests_conversation_id")
        ),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_requests")),
        sa.UniqueConstraint("request_id", name=op.f("uq_requests_request_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_requests_answered",
        "requests",
        ["sequence"],
        unique=False,
        sqlite_where=ANSWERED,
        postgresql_where=ANSWERED,
    )
    op.create_index(
        "ix_requests_line",
        "requests",
        ["start_tag", "sequence", "user_id", "conversation_id"],
        unique=False,
        sqlite_where=QUEUED,
        postgresql_where=QUEUED,
    )
    op.create_index(
        "ix_requests_queued_since",
        "requests",
        ["enqueued_at"],
        unique=False,
        sqlite_where=QUEUED,
        postgresql_where=QUEUED,
    )
    op.create_index(
        "ix_requests_root_id",
        "requests",
        ["root_id"],
        unique=False,
        sqlite_where=sa.text("root_id IS NOT NULL"),
        postgresql_where=sa.text("root_id IS NOT NULL"),
    )
    op.create_index(
        "ix_requests_running",
        "requests",
        ["user_id", "conversation_id"],
        unique=False,
        sqlite_where=RUNNING,
        postgresql_where=RUNNING,
    )
    op.create_index(
        "ix_requests_user_id_state_sequence", "requests", ["user_id", "state", "sequence"], unique=False
    )

    op.create_table(
        "turns",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("conversation_id", SERIAL, nullable=False),
        sa.Column("root_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("asker_id", sa.BigInteger(), nullable=False),
        sa.Column("asker_name", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("material", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("finish", sa.Text(), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=True),
        sa.Column("completion_tokens", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_turns_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_turns")),
        sa.UniqueConstraint("root_id", name=op.f("uq_turns_root_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_turns_asker_id"), "turns", ["asker_id"], unique=False)
    op.create_index("ix_turns_recent", "turns", ["conversation_id", "id"], unique=False)

    op.create_table(
        "feedback",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("given_at", sa.Double(), nullable=False),
        sa.CheckConstraint("value IN (-1, 1)", name=op.f("ck_feedback_value")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["requests.request_id"], name=op.f("fk_feedback_request_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("request_id", "user_id", name=op.f("pk_feedback")),
    )

    op.create_table(
        "request_messages",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("page", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["requests.request_id"],
            name=op.f("fk_request_messages_request_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("request_id", "page", name=op.f("pk_request_messages")),
    )
    op.create_index(op.f("ix_request_messages_message_id"), "request_messages", ["message_id"], unique=False)

    op.execute("INSERT INTO line_state (id, virtual_time) VALUES (1, 0.0)")
