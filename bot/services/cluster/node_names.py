"""Names and owners of nodes, also of those that come back under another peer id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.clock import Clock
from bot.domain.cluster.audit import AuditEntry, AuditLog, Json
from bot.domain.cluster.nodes import NamedNode, NodeNames
from bot.domain.status import Node
from bot.services.cluster.monitor import ClusterService

# Old peer ids that are remembered, so that an alert about one names the node. The newest are kept.
MOST_MOVED = 512


class NodeBook:
    """Names by peer id. A reinstalled worker has another peer id: a named node that is gone is recognised by its
    hardware if exactly one new node has the same."""

    def __init__(
        self, store: NodeNames, clusters: Sequence[ClusterService], audit: AuditLog, clock: Clock
    ) -> None:
        """``clusters`` are all of them: a node may move from one to another."""
        self._store = store
        self._clusters = clusters
        self._audit = audit
        self._clock = clock
        self._named: dict[str, NamedNode] = {}
        self._moved: dict[str, str] = {}

    @property
    def names(self) -> Mapping[str, NamedNode]:
        """The named nodes by peer id, as last refreshed."""
        return self._named

    def canonical(self, node_id: str) -> str:
        """The peer id under which this node is known now."""
        while node_id in self._moved:
            node_id = self._moved[node_id]
        return node_id

    def has_moved_to(self, node_id: str) -> bool:
        """Whether a named node came back under this peer id."""
        return node_id in self._moved.values()

    async def refresh(self) -> None:
        """Read the names and match nodes that came back. Raises :class:`StorageError`."""
        self._named = {node.node_id: node for node in await self._store.all()}
        statuses = [cluster.view().status for cluster in self._clusters]
        if any(status is None for status in statuses):
            return
        listed = [node for status in statuses if status is not None for node in status.nodes]
        for old, newcomer in matches(self._named, listed).items():
            found = _named(newcomer, self._named[old].name, self._named[old].owner_id)
            await self._store.put(found, instead_of=old)
            del self._named[old]
            self._named[found.node_id] = found
            self._moved.pop(found.node_id, None)
            self._moved[old] = found.node_id
            while len(self._moved) > MOST_MOVED:
                del self._moved[next(iter(self._moved))]

    async def name(self, node: Node, name: str, owner_id: int | None, *, by: int) -> None:
        """Give a node a name and an owner for an operator. Raises :class:`StorageError`."""
        await self._store.put(_named(node, name, owner_id))
        await self.refresh()
        detail: Json = {"node": node.node_id, "name": name, "owner": owner_id}
        await self._audit.record(AuditEntry(self._clock.now(), by, "cluster.name", detail))


def matches(named: Mapping[str, NamedNode], nodes: Sequence[Node]) -> dict[str, Node]:
    """Of the listed ``nodes``, those that came back under another peer id, by the id they had before."""
    listed = {node.node_id for node in nodes}
    gone = [node for node_id, node in named.items() if node_id not in listed]
    new = [node for node in nodes if node.node_id not in named]
    found: dict[str, Node] = {}
    for old in gone:
        alike = [node for node in new if _hardware_of(node) == _hardware_of(old)]
        rivals = [node for node in gone if _hardware_of(node) == _hardware_of(old)]
        if len(alike) == len(rivals) == 1:
            found[old.node_id] = alike[0]
    return found


def _hardware_of(node: Node | NamedNode) -> tuple[str, int, float]:
    return node.gpu_name, node.gpu_count, node.gpu_memory


def _named(node: Node, name: str, owner_id: int | None) -> NamedNode:
    return NamedNode(node.node_id, name, owner_id, node.gpu_name, node.gpu_count, node.gpu_memory)
