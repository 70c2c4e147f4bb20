"""History of the cluster on the database: :class:`bot.domain.cluster.history.History`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from itertools import groupby

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, insert, select

from bot.domain.cluster.events import ClusterEvent, EventKind
from bot.domain.cluster.history import Figures, Sample
from bot.domain.cluster.node_speed import Speed
from bot.storage.cluster_tables import cluster_events, cluster_samples
from bot.storage.engine import Transactions
from bot.storage.tables import requests

HOUR = 3600.0
NEWEST = 500
"""Answers looked at for figures: they are found by the primary key, so the cost does not grow with the history."""

EVENTS_KEPT = 90 * 86_400.0

_RECENT = (
    select(
        requests.c.started_at,
        requests.c.finished_at,
        requests.c.ttft,
        requests.c.tokens_per_second,
        requests.c.model,
        requests.c.cluster,
    )
    .order_by(requests.c.sequence.desc())
    .limit(NEWEST)
)

_SAMPLE = [cluster_samples.c[field.name] for field in fields(Sample)]


class SqlHistory:
    """The history of one cluster. The contract of every method is :class:`History`'s. A sample's fields are the
    columns of its table."""

    def __init__(self, transactions: Transactions, cluster: str = "") -> None:
        self._transactions = transactions
        self._cluster = cluster

    def of(self, cluster: str) -> SqlHistory:
        """That of the cluster with this name."""
        return SqlHistory(self._transactions, cluster)

    async def add_events(self, events: Sequence[ClusterEvent]) -> None:
        """Store events."""
        values = [
            {
                "cluster": self._cluster,
                "at": event.at,
                "kind": event.kind.value,
                "subject": event.subject,
                "detail": json.dumps(dict(event.detail), ensure_ascii=False),
            }
            for event in events
        ]
        if values:
            await self._transactions.write(lambda db: db.execute(insert(cluster_events), values).rowcount)

    async def events(self, *, since: float, limit: int, kind: EventKind | None = None) -> Sequence[ClusterEvent]:
        """The newest ``limit`` events (of this kind) since ``since``, newest first."""
        newest = select(cluster_events).where(
            cluster_events.c.cluster == self._cluster, cluster_events.c.at >= since
        )
        if kind is not None:
            newest = newest.where(cluster_events.c.kind == kind.value)
        newest = newest.order_by(cluster_events.c.id.desc()).limit(limit)
        return await self._transactions.read(
            lambda db: [
                ClusterEvent(EventKind(row.kind), row.at, row.subject, json.loads(row.detail))
                for row in db.execute(newest)
            ]
        )

    async def figures(self, *, since: float, until: float) -> Figures:
        """Figures about the answers that ended in this period (of the newest 500)."""
        found = await self._ended(since, until)
        rates = [row["tokens_per_second"] for row in found if row["tokens_per_second"] is not None]
        firsts = [row["ttft"] for row in found if row["ttft"] is not None]
        answers = sum(row["ttft"] is not None or row["tokens_per_second"] is not None for row in found)
        return Figures(answers, _median(firsts), _median(rates))

    async def speeds(self, *, since: float, until: float) -> Sequence[Speed]:
        """The speeds of the answers that ended in this period (of the newest 500)."""
        return [
            Speed(row["started_at"], row["finished_at"], row["tokens_per_second"])
            for row in await self._ended(since, until)
            if row["started_at"] is not None and row["tokens_per_second"] is not None
        ]

    async def _ended(self, since: float, until: float) -> list[RowMapping]:
        rows = await self._answers()
        return [row for row in rows if row["finished_at"] is not None and since <= row["finished_at"] < until]

    async def _answers(self) -> list[RowMapping]:
        """The newest requests that this cluster answered; all, where clusters have no names."""
        rows = await self._transactions.read(lambda db: db.execute(_RECENT).mappings().all())
        return [row for row in rows if self._cluster in {"", row["cluster"]}]

    async def last_model(self) -> str | None:
        """The model of the newest answer (of the newest 500 requests); None when there is none."""
        return next((row["model"] for row in await self._answers() if row["model"]), None)

    async def add_sample(self, sample: Sample) -> None:
        """Store a sample, replacing one for the same moment."""
        await self._transactions.write(lambda db: _put(db, self._cluster, [sample]))

    async def samples(self, *, since: float) -> Sequence[Sample]:
        """The samples since ``since``, oldest first."""
        here = cluster_samples.c.cluster == self._cluster
        found = select(*_SAMPLE).where(here, cluster_samples.c.at >= since).order_by(cluster_samples.c.at)
        return await self._transactions.read(lambda db: [Sample(**row) for row in db.execute(found).mappings()])

    async def compact(self, *, before: float) -> int:
        """Merge samples from before the full hour of ``before`` into hours, and forget events after 90 days; those
        of all clusters."""
        return await self._transactions.write(lambda db: _compact(db, before - before % HOUR))


def _median(values: Sequence[float]) -> float | None:
    # The statistics module would load decimal and fractions into memory just for this.
    return sorted(values)[len(values) // 2] if values else None


def _compact(db: Connection, before: float) -> int:
    db.execute(delete(cluster_events).where(cluster_events.c.at < before - EVENTS_KEPT))
    fine = cluster_samples.c.at < before, cluster_samples.c.span < HOUR
    clusters = db.scalars(select(cluster_samples.c.cluster).where(*fine).distinct()).all()
    return sum(_compact_one(db, cluster, cluster_samples.c.cluster == cluster, *fine) for cluster in clusters)


def _compact_one(db: Connection, cluster: str, *fine: ColumnElement[bool]) -> int:
    rows = db.execute(select(*_SAMPLE).where(*fine).order_by(cluster_samples.c.at)).mappings().all()
    db.execute(delete(cluster_samples).where(*fine))
    hours = groupby((Sample(**row) for row in rows), key=lambda sample: math.floor(sample.at / HOUR))
    merged = [merged_sample(hour * HOUR, list(samples)) for hour, samples in hours]
    _put(db, cluster, merged)
    return len(rows) - len(merged)


def merged_sample(at: float, samples: Sequence[Sample]) -> Sample:
    """The hour from ``at`` as one sample: means weighted by time, or by answers for what answers measure."""
    count = len(samples)
    return Sample(
        at=at,
        span=HOUR,
        waiting=sum(one.waiting for one in samples) / count,
        running=sum(one.running for one in samples) / count,
        nodes_ready=sum(one.nodes_ready for one in samples) / count,
        nodes_listed=sum(one.nodes_listed for one in samples) / count,
        answers=sum(one.answers for one in samples),
        ttft=_mean((one.ttft, one.answers) for one in samples),
        tokens_per_second=_mean((one.tokens_per_second, one.answers) for one in samples),
    )


def _mean(values: Iterable[tuple[float | None, int]]) -> float | None:
    known = [(value, max(weight, 1)) for value, weight in values if value is not None]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if total else None


def _put(db: Connection, cluster: str, samples: Sequence[Sample]) -> None:
    for sample in samples:
        here = cluster_samples.c.cluster == cluster, cluster_samples.c.at == sample.at
        db.execute(delete(cluster_samples).where(*here))
        db.execute(insert(cluster_samples).values(cluster=cluster, **asdict(sample)))
