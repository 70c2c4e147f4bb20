"""Events of the cluster, derived by comparing each report with the one before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from bot.domain.status import ClusterState, ClusterStatus, Node, NodeState

Detail: TypeAlias = Mapping[str, str | float | None]


class EventKind(StrEnum):
    """The kind of an event. The values are stored, and are the last part of catalogue keys under ``event.``."""

    NODE_JOINED = "node_joined"
    NODE_LOST = "node_lost"
    NODE_READY = "node_ready"
    NEEDS_NODES = "needs_nodes"
    USABLE = "usable"
    WAITING = "waiting"
    STRANDED = "stranded"
    FAILING = "failing"
    WORKING = "working"
    FROZEN = "frozen"
    NOT_ANSWERING = "not_answering"
    ANSWERING = "answering"
    MODEL_CHANGED = "model_changed"
    CAPACITY_CHANGED = "capacity_changed"
    HELD_BACK = "held_back"
    CUT_OFF = "cut_off"


@dataclass(frozen=True, slots=True)
class ClusterEvent:
    """An event at ``at`` (epoch seconds). ``subject`` is a node id or a model's name. Names are untrusted text."""

    kind: EventKind
    at: float
    subject: str = ""
    detail: Detail = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClusterObservation:
    """The cluster at one moment.

    ``attempts``: the scheduler answers. ``frozen``: the port accepts connections but sends nothing; otherwise
    nothing listens there. ``failing``: requests fail although the cluster calls itself available.
    """

    status: ClusterStatus | None
    attempts: bool
    frozen: bool = False
    failing: bool = False


class StrandedDetector:
    """Detects a stranded cluster: one that waits for good after an init.

    Workers that stay connected while the scheduler is initialised are listed again, and the cluster then waits
    and asks for more nodes for good (recordings 72 to 78). A cluster that is too small sends the same report. To
    tell the two apart, one of these must hold as well: these nodes were connected when the model changed, or the
    same nodes were enough for the same model before.
    """

    def __init__(self) -> None:
        self._before: ClusterStatus | None = None
        self._kept: frozenset[str] = frozenset()
        self._enough: tuple[str | None, frozenset[str]] = (None, frozenset())

    def observe(self, status: ClusterStatus) -> bool:
        """Take in one more report; returns whether the cluster is stranded."""
        ids = frozenset(node.node_id for node in status.nodes)
        before, self._before = self._before, status
        if before is not None and before.model is not None and before.model != status.model:
            self._kept = frozenset(node.node_id for node in before.nodes)
        if status.usable:
            self._kept, self._enough = frozenset(), (status.model, ids)
        waits = status.state is not ClusterState.AVAILABLE and status.need_more_nodes and bool(ids)
        model, enough = self._enough
        was_enough = bool(enough) and model == status.model and enough <= ids
        return waits and (not self._kept.isdisjoint(ids) or was_enough)


class EventReader:
    """Derives events from one observation after another. The first one is the baseline and gives only problems."""

    def __init__(self) -> None:
        self._stranded_detector = StrandedDetector()
        self._before: ClusterObservation | None = None
        self._status: ClusterStatus | None = None
        self._capacity: int | None = None
        self.stranded = False

    def observe(self, seen: ClusterObservation, at: float) -> tuple[ClusterEvent, ...]:
        """The events since the observation before; ``at`` in epoch seconds."""
        before, self._before = self._before, seen
        was_stranded = self.stranded
        happened = list(self._attempts(before, seen, at))
        if seen.attempts and seen.status is not None:
            self.stranded = self._stranded_detector.observe(seen.status)
            if self._status is not None:
                happened.extend(self._changes(self._status, seen.status, at))
            self._capacity = self._known_capacity(seen.status)
            if self.stranded and not was_stranded:
                happened.append(ClusterEvent(EventKind.STRANDED, at, seen.status.model or ""))
            self._status = seen.status
        if before is not None and before.failing != seen.failing:
            happened.append(ClusterEvent(EventKind.FAILING if seen.failing else EventKind.WORKING, at))
        return tuple(happened)

    @staticmethod
    def _attempts(
        before: ClusterObservation | None, seen: ClusterObservation, at: float
    ) -> Iterator[ClusterEvent]:
        answered = before is None or before.attempts
        if not seen.attempts and (answered or (before is not None and before.frozen != seen.frozen)):
            yield ClusterEvent(EventKind.FROZEN if seen.frozen else EventKind.NOT_ANSWERING, at)
        elif seen.attempts and not answered:
            yield ClusterEvent(EventKind.ANSWERING, at)

    def _known_capacity(self, status: ClusterStatus) -> int | None:
        return self._capacity if status.capacity is None else status.capacity

    def _changes(self, old: ClusterStatus, new: ClusterStatus, at: float) -> Iterator[ClusterEvent]:
        yield from _node_changes(old, new, at)
        if old.model != new.model:
            yield ClusterEvent(EventKind.MODEL_CHANGED, at, new.model or "", {"before": old.model})
        # Older dialects leave the capacity out of some reports: its absence and its return are no changes.
        if self._capacity is not None and (after := self._known_capacity(new)) != self._capacity:
            yield ClusterEvent(EventKind.CAPACITY_CHANGED, at, detail={"before": self._capacity, "after": after})
        if old.usable != new.usable:
            yield ClusterEvent(EventKind.USABLE if new.usable else EventKind.WAITING, at, new.model or "")
        if new.need_more_nodes and not old.need_more_nodes and not self.stranded:
            yield ClusterEvent(EventKind.NEEDS_NODES, at, new.model or "")


def _node_changes(old: ClusterStatus, new: ClusterStatus, at: float) -> Iterator[ClusterEvent]:
    were = {node.node_id: node for node in old.nodes}
    are = {node.node_id: node for node in new.nodes}
    for node_id, node in were.items():
        if node_id not in are:
            yield ClusterEvent(EventKind.NODE_LOST, at, node_id, _hardware(node))
    for node_id, node in are.items():
        known = were.get(node_id)
        if known is None:
            yield ClusterEvent(EventKind.NODE_JOINED, at, node_id, _hardware(node))
        ready = node.state is NodeState.AVAILABLE
        if ready and (known is None or known.state is not NodeState.AVAILABLE):
            yield ClusterEvent(EventKind.NODE_READY, at, node_id, _hardware(node))


def _hardware(node: Node) -> Detail:
    return {"gpu": node.gpu_name, "count": float(node.gpu_count), "memory": node.gpu_memory}
