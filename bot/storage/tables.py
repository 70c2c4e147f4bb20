"""The schema, as the newest migration leaves it.

Times are epoch seconds, Discord's ids are 64-bit integers. Some columns and tables keep names from before a change
of vocabulary: ``material`` holds attached text, ``manner`` the generation options, ``line_state`` the state of the
queue. A partial index is only used when the query states its condition literally, so :data:`IS_QUEUED` and the
like.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Double,
    ForeignKey,
    FromClause,
    Index,
    Integer,
    Table,
    UniqueConstraint,
    and_,
    literal_column,
)

from bot.domain.queue.request import RequestKind, RequestState
from bot.storage import cluster_tables  # noqa: F401  # its tables belong to the schema as well
from bot.storage.column_types import SERIAL, TEXT
from bot.storage.help_tables import help_calls, help_opt_outs, help_threads
from bot.storage.key_tables import api_keys
from bot.storage.metadata import METADATA
from bot.storage.schedule_tables import schedules

__all__ = ["api_keys", "help_calls", "help_opt_outs", "help_threads", "metadata", "schedules"]

metadata = METADATA
"""Of all tables, those of :mod:`bot.storage.cluster_tables` included."""

SHARED = 0
"""``conversations.private_to`` of a memory that a whole channel shares: NULLs would not be unique."""

conversations = Table(
    "conversations",
    metadata,
    Column("id", SERIAL, primary_key=True),
    Column("channel_id", BigInteger, nullable=False),
    Column("guild_id", BigInteger),
    Column("private_to", BigInteger, nullable=False, default=SHARED),
    # the question from whose branch a thread was started
    Column("inherits_root", TEXT),
    # the scopes its profile is inherited through, nearest first, comma-separated
    Column("scopes", TEXT),
    # the sequence of the newest request when it was cleared: requests up to this one become no turns
    Column("cleared_upto", BigInteger),
    UniqueConstraint("channel_id", "private_to"),
    sqlite_autoincrement=True,
)

requests = Table(
    "requests",
    metadata,
    Column("sequence", SERIAL, primary_key=True, autoincrement=True),
    Column("request_id", TEXT, nullable=False, unique=True),
    Column("state", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("root_id", TEXT),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    # who asked, and where the answer is shown
    Column("user_id", BigInteger, nullable=False),
    Column("user_name", TEXT, nullable=False),
    Column("locale", TEXT, nullable=False),
    Column("application_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("guild_id", BigInteger),
    Column("private", Boolean, nullable=False),
    Column("channel_route", Boolean, nullable=False),
    Column("token", TEXT),
    Column("token_expires_at", Double),
    # what was asked
    Column("prompt", TEXT, nullable=False),
    Column("material", TEXT, nullable=False),
    Column("think", Boolean),
    Column("asked_at", Double, nullable=False),
    Column("source_message_id", BigInteger),  # the person's own message, which they may edit and delete
    Column("follows", TEXT),  # the root of the question whose branch it continues
    Column("manner", TEXT),  # JSON: how the channel's profile wants it asked
    Column("wanted_cluster", TEXT),  # the only cluster that its profile lets answer it; NULL: any
    # its position in the queue (bot.domain.queue.fairness)
    Column("cost", Double, nullable=False),
    Column("weight", Double, nullable=False),
    Column("floor_tag", Double, nullable=False),
    Column("start_tag", Double, nullable=False),
    Column("charge", Double, nullable=False),
    # its state
    Column("attempts", Integer, nullable=False),
    Column("enqueued_at", Double, nullable=False),
    Column("changed_at", Double, nullable=False),  # the last change of its state
    Column("started_at", Double),
    Column("finished_at", Double),
    Column("lease_owner", TEXT),
    Column("lease_until", Double),
    Column("error_key", TEXT),
    Column("cluster", TEXT),  # which one runs it, or ran it last; NULL while it waits
    # its answer: all NULL until there is one
    Column("answer", TEXT),
    Column("reasoning", TEXT),
    Column("finish", TEXT),
    Column("model", TEXT),
    Column("prompt_tokens", Integer),
    Column("completion_tokens", Integer),
    Column("ttft", Double),
    Column("duration", Double),
    Column("tokens_per_second", Double),
    Column("counted", Boolean),
    Column("recalled", Integer),
    Column("summarised", Boolean),
    CheckConstraint("state IN ({})".format(", ".join(f"'{state}'" for state in RequestState)), name="state"),
    CheckConstraint("cost > 0 AND weight > 0", name="share"),
    CheckConstraint("token IS NULL OR state IN ('queued', 'running', 'answered')", name="token_forgotten"),
    sqlite_autoincrement=True,
)


def in_state(rows: FromClause, state: RequestState) -> ColumnElement[bool]:
    """The condition that ``rows`` (``requests`` or an alias of it) are in ``state``, stated literally."""
    return rows.c.state == literal_column(f"'{state}'", TEXT)


def is_api(rows: FromClause) -> ColumnElement[bool]:
    """The condition that a program asked ``rows``."""
    return rows.c.kind == literal_column(f"'{RequestKind.API}'", TEXT)


IS_QUEUED = in_state(requests, RequestState.QUEUED)
IS_RUNNING = in_state(requests, RequestState.RUNNING)
IS_ANSWERED = in_state(requests, RequestState.ANSWERED)
IS_HELD = and_(IS_QUEUED, requests.c.lease_owner.is_not(None))
"""What waits and can be answered by one process only, which has the connection of the program that asks."""


def _partial(name: str, where: ColumnElement[bool], *columns: Column[object]) -> Index:
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


Index("ix_requests_user_id_state_sequence", requests.c.user_id, requests.c.state, requests.c.sequence)
# everything that claiming has to look at, in the order of the queue
_partial(
    "ix_requests_line",
    IS_QUEUED,
    requests.c.start_tag,
    requests.c.sequence,
    requests.c.user_id,
    requests.c.conversation_id,
)
_partial("ix_requests_queued_since", IS_QUEUED, requests.c.enqueued_at)
_partial("ix_requests_running", IS_RUNNING, requests.c.user_id, requests.c.conversation_id)
_partial("ix_requests_held", IS_HELD, requests.c.lease_owner)
_partial("ix_requests_answered", IS_ANSWERED, requests.c.sequence)
_partial("ix_requests_root_id", requests.c.root_id.is_not(None), requests.c.root_id)

_partial("ix_requests_source_message_id", requests.c.source_message_id.is_not(None), requests.c.source_message_id)
Index("ix_requests_conversation_id_asked_at", requests.c.conversation_id, requests.c.asked_at)

request_messages = Table(
    "request_messages",
    metadata,
    Column("request_id", ForeignKey("requests.request_id", ondelete="CASCADE"), primary_key=True),
    Column("page", Integer, primary_key=True, autoincrement=False),
    Column("message_id", BigInteger, nullable=False, index=True),
)

# Requests that have ended, until their messages show it. The token is for the last edit: `requests` forgets it.
unshown_ends = Table(
    "unshown_ends",
    metadata,
    Column("request_id", ForeignKey("requests.request_id", ondelete="CASCADE"), primary_key=True),
    Column("since", Double, nullable=False),
    Column("token", TEXT),
    Column("token_expires_at", Double),
)

wishes = Table(
    "wishes",
    metadata,
    Column("request_id", ForeignKey("requests.request_id", ondelete="CASCADE"), primary_key=True),
    Column("kind", TEXT, nullable=False),
    Column("by", BigInteger, nullable=False),
    Column("since", Double, nullable=False),
)

# One turn per question: versions and continuations of its answer change it in place.
turns = Table(
    "turns",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("root_id", TEXT, nullable=False, unique=True),
    Column("request_id", TEXT, nullable=False),
    Column("asker_id", BigInteger, nullable=False, index=True),
    Column("asker_name", TEXT, nullable=False),
    Column("question", TEXT, nullable=False),
    Column("material", TEXT, nullable=False),
    Column("answer", TEXT, nullable=False),
    Column("finish", TEXT, nullable=False),
    Column("prompt_tokens", Integer),
    Column("completion_tokens", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("follows", TEXT),
    Index("ix_turns_recent", "conversation_id", "id"),
    sqlite_autoincrement=True,
)

summaries = Table(
    "summaries",
    metadata,
    Column(
        "conversation_id",
        ForeignKey("conversations.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("text", TEXT, nullable=False),
    # the newest turn it was made of
    Column("upto", BigInteger, nullable=False),
    Column("written_at", Double, nullable=False),
)

# Without a foreign key to the turns: code that removes a turn removes its summaries first.
summary_sources = Table(
    "summary_sources",
    metadata,
    Column(
        "conversation_id",
        ForeignKey("summaries.conversation_id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("turn_id", BigInteger, primary_key=True, autoincrement=False, index=True),
)

accounts = Table(
    "accounts",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("finish", Double, nullable=False),
)

# Exactly one row, created by the first migration.
line_state = Table(
    "line_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("virtual_time", Double, nullable=False),
    Column("pause_reason", TEXT),
    Column("paused_by", BigInteger),
    Column("paused_since", Double),
    CheckConstraint("id = 1", name="single"),
)

preferences = Table(
    "preferences",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("announce", Boolean, nullable=False),
)

feedback = Table(
    "feedback",
    metadata,
    Column("request_id", ForeignKey("requests.request_id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("value", Integer, nullable=False),
    Column("given_at", Double, nullable=False),
    CheckConstraint("value IN (-1, 1)", name="value"),
)

# Options set for a thread, channel, category or server (their ids are unique among each other).
profiles = Table(
    "profiles",
    metadata,
    Column("scope_id", BigInteger, primary_key=True, autoincrement=False),
    Column("choices", TEXT, nullable=False),
    Column("changed_at", Double, nullable=False),
    Column("changed_by", BigInteger, nullable=False),
)

# Counted apart from requests: it outlives their texts, and the cost of a day's sum does not grow with the history.
usage = Table(
    "usage",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("user_name", TEXT, nullable=False),
    Column("questions", Integer, nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("waited", Double, nullable=False),
    Index("ix_usage_user_id_day", "user_id", "day"),
)

facts = Table(
    "facts",
    metadata,
    Column("key", TEXT, primary_key=True),
    Column("value", TEXT, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("actor_id", BigInteger, nullable=False),
    Column("action", TEXT, nullable=False),
    Column("detail", TEXT, nullable=False),
    sqlite_autoincrement=True,
)
