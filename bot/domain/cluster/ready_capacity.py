"""How many questions the ready nodes take at once, where the scheduler counts more. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.status import ClusterStatus, NodeState


@dataclass(frozen=True, slots=True)
class _Proof:
    """A capacity that was reported while every listed node was ready."""

    model: str | None
    node_ids: frozenset[str]
    capacity: int


class ReadyCapacity:
    """The capacity of what is ready.

    The scheduler's ``max_running_request`` counts every pipeline from the moment its nodes are listed, although
    they load the model for seconds to minutes: 16 with one of two nodes ready (recording 71), 2 with none
    (recording 91). The report does not say which nodes form a pipeline. So while nodes wait, each of them is taken
    to stop a pipeline of its own, and a report in which no node waits is the proof for its nodes: they take what
    it says, no less while all of them are ready, and no more until another node is ready as well.
    """

    def __init__(self) -> None:
        self._proof: _Proof | None = None

    def observe(self, status: ClusterStatus) -> int | None:
        """Take in one more report; returns its capacity as far as it is ready, None when it reports none."""
        if not status.capacity:
            return status.capacity
        ready = frozenset(node.node_id for node in status.nodes if node.state is not NodeState.WAITING)
        waiting = sum(node.state is NodeState.WAITING for node in status.nodes)
        if waiting == 0:
            self._proof = _Proof(status.model, ready, status.capacity)
            return status.capacity
        pipelines = max(1, len(status.nodes) // max(1, status.init_nodes or 1))
        capacity = max(1, status.capacity * max(1, pipelines - waiting) // pipelines)
        proof = self._proof
        if proof is not None and proof.model == status.model:
            if ready <= proof.node_ids:
                capacity = min(capacity, proof.capacity)
            if proof.node_ids <= ready:
                capacity = max(capacity, proof.capacity)
        return min(capacity, status.capacity)
