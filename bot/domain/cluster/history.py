"""The cluster over time: samples and figures, and the port to whatever keeps them. Times in epoch seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain.cluster.events import ClusterEvent, EventKind
from bot.domain.cluster.node_speed import Speed


@dataclass(frozen=True, slots=True)
class Figures:
    """Answers over some time: how many, and their medians (seconds, tokens per second; None without any)."""

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
    """The cluster over time. Raises only :class:`StorageError`."""

    async def add_events(self, events: Sequence[ClusterEvent]) -> None:
        """Keep what happened."""
        ...

    async def events(self, *, since: float, limit: int, kind: EventKind | None = None) -> Sequence[ClusterEvent]:
        """The newest ``limit`` events (of this kind) since ``since``, newest first."""
        ...

    async def figures(self, *, since: float, until: float) -> Figures:
        """The answers that ended in this time (of the newest 500)."""
        ...

    async def speeds(self, *, since: float, until: float) -> Sequence[Speed]:
        """The speeds of the answers that ended in this time (of the newest 500)."""
        ...

    async def add_sample(self, sample: Sample) -> None:
        """Keep a sample; one for the same moment is replaced."""
        ...

    async def samples(self, *, since: float) -> Sequence[Sample]:
        """The samples since ``since``, oldest first."""
        ...

    async def compact(self, *, before: float) -> int:
        """Merge samples from before ``before`` into hours; returns how many rows went."""
        ...
