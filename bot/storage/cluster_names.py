"""What is stored under the names of clusters, when the settings name others than before."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Table, and_, delete, insert, or_, select, tuple_, update

from bot.domain.cluster.switch_steps import SwitchState
from bot.storage.cluster_tables import (
    IS_OPEN,
    cluster_events,
    cluster_pauses,
    cluster_samples,
    open_alerts,
    switches,
)
from bot.storage.dialects import hold_queue, queue_changed
from bot.storage.engine import Transactions
from bot.storage.tables import IS_RUNNING, line_state, requests

_KEYED: Sequence[tuple[Table, tuple[str, ...]]] = (
    (cluster_samples, ("at",)),
    (open_alerts, ("kind", "subject")),
)
"""Tables in which a cluster's name is a part of the key, and the rest of the key."""


class SqlClusterNames:
    """Brings the database in line with the clusters that are configured. Raises only :class:`StorageError`."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def configured(self, names: Sequence[str], *, now: float) -> None:
        """Note that these are the names of all clusters, at least one.

        What was kept of a cluster without a name belongs to the first one from now on, if that has a name. Of one
        that is not among them, the history stays; its open switch is cancelled, its alerts are forgotten and its
        pause ends, because nothing else would end them. A question that wants it may be answered by any: the claim
        sees to that. ``now`` in epoch seconds.
        """
        await self._transactions.write(lambda db: _configured(db, names, now))


def _configured(db: Connection, names: Sequence[str], now: float) -> None:
    hold_queue(db)
    if "" not in names:
        _adopt(db, names[0])
    gone = and_(IS_OPEN, switches.c.cluster.not_in(names))
    db.execute(update(switches).where(gone).values(state=SwitchState.CANCELLED.value, finished_at=now))
    db.execute(delete(open_alerts).where(open_alerts.c.cluster.not_in(names)))
    db.execute(delete(cluster_pauses).where(cluster_pauses.c.cluster.not_in(names)))
    queue_changed(db)


def _adopt(db: Connection, name: str) -> None:
    """Let the cluster with this name have what belongs to the one without a name. Where both have the same, which
    comes of settings that changed to and fro, its own stays."""
    unnamed = select(switches.c.paused_before).where(IS_OPEN, switches.c.cluster == "")
    named = select(switches.c.switch_id).where(IS_OPEN, switches.c.cluster == name)
    if db.execute(named).first() is None:
        # It holds the whole queue, and is to hold its cluster.
        if db.scalar(unnamed) is False:
            _hold_only(db, name)
        db.execute(update(switches).where(switches.c.cluster == "").values(cluster=name))
    for table, key in _KEYED:
        own = select(*(table.c[column] for column in key)).where(table.c.cluster == name)
        same = tuple_(*(table.c[column] for column in key)).in_(own)
        db.execute(delete(table).where(table.c.cluster == "", same))
        db.execute(update(table).where(table.c.cluster == "").values(cluster=name))
    db.execute(update(cluster_events).where(cluster_events.c.cluster == "").values(cluster=name))
    theirs = or_(requests.c.cluster == "", requests.c.cluster.is_(None))
    db.execute(update(requests).where(IS_RUNNING, theirs).values(cluster=name))


def _hold_only(db: Connection, name: str) -> None:
    """Turn the pause of the queue into one of a cluster."""
    pause = db.execute(select(line_state)).one()
    db.execute(update(line_state).values(pause_reason=None, paused_by=None, paused_since=None))
    db.execute(delete(cluster_pauses).where(cluster_pauses.c.cluster == name))
    if pause.paused_since is not None:
        values = {column: getattr(pause, column) for column in ("pause_reason", "paused_by", "paused_since")}
        db.execute(insert(cluster_pauses).values(cluster=name, **values))
