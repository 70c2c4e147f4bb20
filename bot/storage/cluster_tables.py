"""The tables of what is known of clusters: their history, boards and alerts, switches, pauses.

``cluster`` is a cluster's name; it is empty where the settings name none, which is so with one scheduler.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    Index,
    Integer,
    Table,
    literal_column,
)

from bot.storage.column_types import SERIAL, TEXT
from bot.storage.metadata import METADATA


def _of_cluster(*, primary_key: bool = False) -> Column[str]:
    return Column("cluster", TEXT, primary_key=primary_key, nullable=False, server_default="")


# The cluster over time. A sample stands for the `span` seconds from `at`.
cluster_events = Table(
    "cluster_events",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    _of_cluster(),
    Column("at", Double, nullable=False, index=True),
    Column("kind", TEXT, nullable=False),
    Column("subject", TEXT, nullable=False),
    Column("detail", TEXT, nullable=False),
    sqlite_autoincrement=True,
)

cluster_samples = Table(
    "cluster_samples",
    METADATA,
    _of_cluster(primary_key=True),
    Column("at", Double, primary_key=True),
    Column("span", Double, nullable=False),
    Column("waiting", Double, nullable=False),
    Column("running", Double, nullable=False),
    Column("nodes_ready", Double, nullable=False),
    Column("nodes_listed", Double, nullable=False),
    Column("answers", Integer, nullable=False),
    Column("ttft", Double),
    Column("tokens_per_second", Double),
)

node_names = Table(
    "node_names",
    METADATA,
    Column("node_id", TEXT, primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("owner_id", BigInteger),
    Column("gpu_name", TEXT, nullable=False),
    Column("gpu_count", Integer, nullable=False),
    Column("gpu_memory", Double, nullable=False),
)

boards = Table(
    "boards",
    METADATA,
    Column("channel_id", BigInteger, primary_key=True, autoincrement=False),
    Column("guild_id", BigInteger),
    Column("message_id", BigInteger),
    Column("locale", TEXT, nullable=False),
)

alert_channels = Table(
    "alert_channels",
    METADATA,
    Column("channel_id", BigInteger, primary_key=True, autoincrement=False),
    Column("guild_id", BigInteger),
    Column("role_id", BigInteger),
    Column("locale", TEXT, nullable=False),
    Column("ping_owners", Boolean, nullable=False),
)

open_alerts = Table(
    "open_alerts",
    METADATA,
    _of_cluster(primary_key=True),
    Column("kind", TEXT, primary_key=True),
    Column("subject", TEXT, primary_key=True),
    Column("since", Double, nullable=False),
)

switches = Table(
    "switches",
    METADATA,
    Column("switch_id", TEXT, primary_key=True),
    _of_cluster(),
    Column("state", TEXT, nullable=False),
    Column("model", TEXT, nullable=False),
    Column("nodes", Integer, nullable=False),
    Column("local_network", Boolean, nullable=False),
    Column("previous_model", TEXT),
    Column("previous_nodes", Integer),
    Column("by", BigInteger, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("step", TEXT, nullable=False),
    Column("step_since", Double, nullable=False),
    Column("claimed_at", Double),
    Column("initialised", Boolean),
    Column("drained", Integer, nullable=False),
    Column("workers", Integer, nullable=False),
    Column("paused_before", Boolean, nullable=False),
    Column("finished_at", Double),
    CheckConstraint("state IN ('open', 'done', 'cancelled', 'replaced')", name="state"),
)

IS_OPEN = switches.c.state == literal_column("'open'", TEXT)
# At most one switch of a cluster is open: a second one cannot be inserted, whichever process tries.
Index("ix_switches_open", switches.c.cluster, unique=True, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN)

# Clusters that take nothing from the queue although it moves. The pause of the whole queue is in `line_state`.
cluster_pauses = Table(
    "cluster_pauses",
    METADATA,
    Column("cluster", TEXT, primary_key=True),
    Column("pause_reason", TEXT, nullable=False),
    Column("paused_by", BigInteger, nullable=False),
    Column("paused_since", Double, nullable=False),
)
