"""Names of nodes on the database: :class:`bot.domain.cluster.nodes.NodeNames`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from bot.domain.cluster.nodes import NamedNode
from bot.storage.engine import Transactions
from bot.storage.statements import replace_row
from bot.storage.tables import node_names


class SqlNodeNames:
    """The contract of every method is :class:`NodeNames`'s."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def all(self) -> Sequence[NamedNode]:
        """Every named node."""
        every = select(
            node_names.c.node_id,
            node_names.c.name,
            node_names.c.owner_id,
            node_names.c.gpu_name,
            node_names.c.gpu_count,
            node_names.c.gpu_memory,
        )
        return await self._transactions.read(lambda db: [NamedNode(*row) for row in db.execute(every)])

    async def put(self, node: NamedNode, *, instead_of: str | None = None) -> None:
        """Store a name; ``instead_of`` is the peer id that the node had before."""
        values = {
            "node_id": node.node_id,
            "name": node.name,
            "owner_id": node.owner_id,
            "gpu_name": node.gpu_name,
            "gpu_count": node.gpu_count,
            "gpu_memory": node.gpu_memory,
        }
        here = node_names.c.node_id.in_([node.node_id, instead_of or node.node_id])
        await self._transactions.write(lambda db: replace_row(db, node_names, here, values))
