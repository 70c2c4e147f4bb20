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

    ``capacity`` is ``max_running_request``: None in the documented dialect, which does not tell it.
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
        """Whether a question has a chance, as far as a report tells: the one definition of it in the bot.

        The cluster's own ``available`` is necessary and not sufficient. It comes while every node is still joining
        (recording 42) and while one stage of a pipeline is ready and another waits (recording 91); a chat sent
        then freezes the scheduler for five seconds. Which nodes make a pipeline is not told, so as long as any
        node waits, at least the nodes that the last init asked for have to be ready.

        Taken at its word is a scheduler that lists no nodes or does not name its model, and a node in a state we
        do not know: other dialects leave these out or call them otherwise.
        """
        if self.state is not ClusterState.AVAILABLE or self.need_more_nodes or self.capacity == 0:
            return False
        waiting = sum(node.state is NodeState.WAITING for node in self.nodes)
        return waiting == 0 or len(self.nodes) - waiting >= max(1, self.init_nodes or 1)

    @property
    def ready_nodes(self) -> int:
        """How many nodes work."""
        return sum(node.state is NodeState.AVAILABLE for node in self.nodes)


@dataclass(frozen=True, slots=True)
class Model:
    """A model the scheduler lists. ``memory_gb`` None when unknown (the current dialect's 0)."""

    name: str
    memory_gb: float | None = None
    size: str | None = None
    provider: str | None = None
