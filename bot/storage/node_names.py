"""Names of nodes on the database: :class:`bot.domain.cluster.nodes.NodeNames`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import select

from bot.domain.cluster.nodes import NamedNode
from bot.storage.cluster_tables import node_names
from bot.storage.engine import Transactions
from bot.storage.statements import replace_row


class SqlNodeNames:
    """The contract of every method is :class:`NodeNames`'s. A node's fields are the columns of the table."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def all(self) -> Sequence[NamedNode]:
        """Every named node."""
        return await self._transactions.read(
            lambda db: [NamedNode(**row) for row in db.execute(select(node_names)).mappings()]
        )

    async def put(self, node: NamedNode, *, instead_of: str | None = None) -> None:
        """Store a name; ``instead_of`` is the peer id that the node had before."""
        here = node_names.c.node_id.in_([node.node_id, instead_of or node.node_id])
        await self._transactions.write(lambda db: replace_row(db, node_names, here, asdict(node)))
