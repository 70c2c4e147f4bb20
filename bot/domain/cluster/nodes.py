"""Names and owners of nodes, and the port to their store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class NamedNode:
    """A node that somebody named. Its hardware identifies it when its peer id changes."""

    node_id: str
    name: str
    owner_id: int | None
    gpu_name: str
    gpu_count: int
    gpu_memory: float


class NodeNames(Protocol):
    """The store of node names. Raises only :class:`StorageError`."""

    async def all(self) -> Sequence[NamedNode]:
        """Every named node."""
        ...

    async def put(self, node: NamedNode, *, instead_of: str | None = None) -> None:
        """Store a name; ``instead_of`` is the peer id that the node had before."""
        ...
