"""Nodes, and how the scheduler makes pipelines of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sandbox.parallax.wire import JsonObject

__all__ = ["DEMO_NODES", "Node", "NodeState", "Pipeline", "demo_nodes", "node_id", "pipelines"]

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

DEMO_NODES: tuple[tuple[str, str, float], ...] = (
    ("studio", "Apple M2 Ultra", 192.0),
    ("workstation", "NVIDIA GeForce RTX 4090", 24.0),
    ("attic", "NVIDIA GeForce RTX 3090", 24.0),
)
"""Name, GPU and memory (GB) of the nodes of a demo cluster."""


def demo_nodes(count: int) -> list[tuple[str, str, float]]:
    """The first `count` nodes of the demo; beyond them they come again as `studio-2`, `workstation-2` …"""
    rounds = [divmod(index, len(DEMO_NODES)) for index in range(count)]
    return [
        (f"{name}-{turn + 1}" if turn else name, gpu, memory)
        for turn, (name, gpu, memory) in ((turn, DEMO_NODES[place]) for turn, place in rounds)
    ]


class NodeState(StrEnum):
    """What the scheduler knows about a worker. Only the last two are listed in `/cluster/status`."""

    JOINING = "joining"
    GONE = "gone"
    WAITING = "waiting"
    AVAILABLE = "available"


@dataclass(slots=True, eq=False)
class Node:
    """A worker process and what the scheduler knows of it."""

    name: str
    gpu: str
    memory: float
    """GB."""
    state: NodeState = NodeState.JOINING
    alive: bool = True
    """Whether the worker process runs; the scheduler may not know yet."""
    front_alive: bool = True
    """Whether its HTTP front answers; the scheduler never learns it (recording 84)."""
    known: bool = False
    """Whether it has joined the scheduler at least once since the scheduler started."""
    counted: int = 0
    """Requests that the scheduler counts: +1 per dispatch, corrected by the heartbeat."""
    running: int = 0
    """Requests that the worker really works on."""
    others: int = 0
    """Slots taken by clients other than those of this double's port."""

    @property
    def listed(self) -> bool:
        return self.state in {NodeState.WAITING, NodeState.AVAILABLE}

    def heartbeat(self) -> None:
        """The worker reports its real load: the only thing that corrects what the scheduler counts."""
        self.counted = self.running + self.others

    def as_json(self) -> JsonObject:
        """The node as `/cluster/status` lists it."""
        return {
            "node_id": node_id(self.name),
            "status": self.state.value,
            "gpu_num": 1,
            "gpu_name": self.gpu,
            "gpu_memory": self.memory,
        }


Pipeline = tuple[Node, ...]
"""Nodes that hold the model together; the first one takes the requests and the counting."""


def node_id(name: str) -> str:
    """A peer id of the recorded form (`12D3KooW` and 44 more characters), always the same for a name."""
    number = int.from_bytes(hashlib.sha512(name.encode()).digest())
    letters = []
    for _ in range(44):
        number, index = divmod(number, len(_BASE58))
        letters.append(_BASE58[index])
    return "12D3KooW" + "".join(letters)


def pipelines(nodes: Sequence[Node], vram_gb: int) -> list[Pipeline]:
    """Allocate a model that needs `vram_gb` GB (0: unknown, fits everywhere) to the listed nodes.

    A node that can hold the model alone is a pipeline; the others together are one more if they can.
    """
    alone = [node for node in nodes if node.memory >= vram_gb]
    rest = [node for node in nodes if node.memory < vram_gb]
    found: list[Pipeline] = [(node,) for node in alone]
    if rest and sum(node.memory for node in rest) >= vram_gb:
        found.append(tuple(rest))
    return found
