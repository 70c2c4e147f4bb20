"""History of the cluster: samples and figures, and the port to their store. Times in epoch seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain.cluster.events import ClusterEvent, EventKind
from bot.domain.cluster.node_speed import Speed


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures about the answers of a period: their number and medians (seconds, tokens per second; None without
    answers)."""

    answers: int = 0
    ttft: float | None = None
    tokens_per_second: float | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """The cluster during the ``span`` seconds that begin at ``at``."""

    at: float
    span: float
    waiting: float
    running: float
    nodes_ready: float
    nodes_listed: float
    answers: int
    ttft: float | None
    tokens_per_second: float | None


class History(Protocol):
    """The store of the cluster's history. Raises only :class:`StorageError`."""

    async def add_events(self, events: Sequence[ClusterEvent]) -> None:
        """Store events."""
        ...

    async def events(self, *, since: float, limit: int, kind: EventKind | None = None) -> Sequence[ClusterEvent]:
        """The newest ``limit`` events (of this kind) since ``since``, newest first."""
        ...

    async def figures(self, *, since: float, until: float) -> Figures:
        """Figures about the answers that ended in this period (of the newest 500)."""
        ...

    async def speeds(self, *, since: float, until: float) -> Sequence[Speed]:
        """The speeds of the answers that ended in this period (of the newest 500)."""
        ...

    async def last_model(self) -> str | None:
        """The model of the newest answer (of the newest 500 requests); None when there is none."""
        ...

    async def add_sample(self, sample: Sample) -> None:
        """Store a sample, replacing one for the same moment."""
        ...

    async def samples(self, *, since: float) -> Sequence[Sample]:
        """The samples since ``since``, oldest first."""
        ...

    async def compact(self, *, before: float) -> int:
        """Merge samples from before ``before`` into one per hour; returns how many rows were removed."""
        ...
