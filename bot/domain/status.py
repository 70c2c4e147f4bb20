"""The cluster as its scheduler reports it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ClusterState(StrEnum):
    """The scheduler's own words for the cluster, and ``unknown`` for words we do not know."""

    AVAILABLE = "available"
    WAITING = "waiting"
    REBALANCING = "rebalancing"
    FAILED = "failed"
    UNKNOWN = "unknown"


class NodeState(StrEnum):
    """The scheduler's own words for a node, and ``unknown`` for words we do not know."""

    AVAILABLE = "available"
    WAITING = "waiting"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Node:
    """A machine of the cluster. ``gpu_memory`` in GB per GPU, 0 when unknown. Names are untrusted text."""

    node_id: str
    state: NodeState
    gpu_name: str = ""
    gpu_count: int = 1
    gpu_memory: float = 0.0


@dataclass(frozen=True, slots=True)
class JoinCommand:
    """The shell command a node joins with. ``public`` when it names a peer instead of the local network."""

    command: str
    public: bool


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """One report of ``/cluster/status``.

    ``capacity`` is ``max_running_request``: None in the documented dialect, which does not report it.
    """

    state: ClusterState
    model: str | None
    init_nodes: int | None
    nodes: tuple[Node, ...]
    need_more_nodes: bool
    join: JoinCommand | None
    capacity: int | None

    @property
    def usable(self) -> bool:
        """Whether the cluster can answer a question, as far as a report shows. The only definition in the bot.

        The cluster's own ``available`` is necessary but not sufficient. It is reported while every node is still
        joining (recording 42) and while one stage of a pipeline is ready and another waits (recording 91); a chat
        sent at that time freezes the scheduler for five seconds. The report does not say which nodes form a
        pipeline. So while any node waits, at least as many nodes as the last init asked for must be ready.

        A scheduler that lists no nodes or does not name its model, and a node in an unknown state, are believed:
        other dialects leave these fields out or use other words.
        """
        if self.state is not ClusterState.AVAILABLE or self.need_more_nodes or self.capacity == 0:
            return False
        waiting = sum(node.state is NodeState.WAITING for node in self.nodes)
        return waiting == 0 or len(self.nodes) - waiting >= max(1, self.init_nodes or 1)

    @property
    def has_no_model(self) -> bool:
        """Whether the scheduler has no model: none was set since it started. A cluster that is available has one,
        even if the report does not name it."""
        return self.model is None and self.state is not ClusterState.AVAILABLE

    @property
    def has_failed_init(self) -> bool:
        """Whether the scheduler did not accept its model: it names it all the same, but gives no command to join
        (recording 14). Only the current dialect shows that, which reports a capacity."""
        named = self.model is not None and self.state is ClusterState.WAITING
        return named and self.capacity is not None and self.join is None and not self.nodes

    @property
    def ready_nodes(self) -> int:
        """The number of available nodes."""
        return sum(node.state is NodeState.AVAILABLE for node in self.nodes)


@dataclass(frozen=True, slots=True)
class Model:
    """A model the scheduler lists. ``memory_gb`` None when unknown (the current dialect's 0)."""

    name: str
    memory_gb: float | None = None
    size: str | None = None
    provider: str | None = None
