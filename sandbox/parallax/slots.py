"""The slots of the pipelines: dispatching requests, and the count that only heartbeats correct."""

from sandbox.parallax.clock import Changes
from sandbox.parallax.cluster import Cluster
from sandbox.parallax.nodes import Node, NodeState

__all__ = ["Slots"]


class Slots:
    """Gives requests to pipelines. The first node of a pipeline takes its requests and keeps its count."""

    def __init__(self, cluster: Cluster, changes: Changes) -> None:
        self._cluster = cluster
        self._changes = changes

    @property
    def heads(self) -> list[Node]:
        """The first node of every pipeline that has only active nodes."""
        return [
            pipeline[0]
            for pipeline in self._cluster.pipelines
            if all(node.state is NodeState.AVAILABLE for node in pipeline)
        ]

    def dispatch(self, *, full_too: bool = False) -> Node | None:
        """Give a request to the least loaded active pipeline; None when all count as full.

        `full_too` looks at no count, as a node without a scheduler does; then None means that no node is active.
        """
        most = self._cluster.options.slots
        free = [head for head in self.heads if full_too or head.counted < most]
        if not free:
            return None
        head = min(free, key=lambda node: node.counted)
        head.counted += 1
        head.running += 1
        self._changes.notify()
        return head

    def release(self, node: Node) -> None:
        """The worker has finished a request; with `lag` the scheduler counts it until the next heartbeat."""
        node.running = max(0, node.running - 1)
        if not self._cluster.options.lag:
            node.heartbeat()
        self._changes.notify()

    def occupy(self, slots: int) -> None:
        """Let other clients hold `slots` slots from now on, spread over the pipelines from the first on."""
        left = slots
        for head in [pipeline[0] for pipeline in self._cluster.pipelines]:
            taken = min(left, self._cluster.options.slots)
            head.counted += max(0, taken - head.others)
            head.others = taken
            left -= taken
            if not self._cluster.options.lag:
                head.heartbeat()
        self._changes.notify()
