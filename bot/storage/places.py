"""Where the cluster is shown and told, and what its nodes are called: :class:`bot.cluster.records.Boards` and
:class:`bot.cluster.records.NodeNames`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, Table, delete, insert, select
from sqlalchemy.exc import IntegrityError

from bot.cluster.records import AlertChannel, Board, NamedNode, OpenAlert
from bot.storage.engine import Transactions
from bot.storage.tables import alert_channels, boards, node_names, open_alerts


class SqlBoards:
    """The contract of every method is :class:`Boards`'s."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def boards(self) -> Sequence[Board]:
        """Every board."""
        every = select(boards.c.channel_id, boards.c.guild_id, boards.c.message_id, boards.c.locale)
        return await self._transactions.read(lambda db: [Board(*row) for row in db.execute(every)])

    async def put_board(self, board: Board) -> None:
        """Place or replace the board of a channel."""
        values = {
            "channel_id": board.channel_id,
            "guild_id": board.guild_id,
            "message_id": board.message_id,
            "locale": board.locale,
        }
        here = boards.c.channel_id == board.channel_id
        await self._transactions.write(lambda db: _replace(db, boards, here, values))

    async def remove_board(self, channel_id: int) -> bool:
        """Forget a channel's board."""
        gone = delete(boards).where(boards.c.channel_id == channel_id)
        return await self._transactions.write(lambda db: bool(db.execute(gone).rowcount))

    async def alert_channels(self) -> Sequence[AlertChannel]:
        """Every channel that is told."""
        every = select(
            alert_channels.c.channel_id,
            alert_channels.c.guild_id,
            alert_channels.c.role_id,
            alert_channels.c.locale,
            alert_channels.c.ping_owners,
        )
        return await self._transactions.read(lambda db: [AlertChannel(*row) for row in db.execute(every)])

    async def put_alerts(self, channel: AlertChannel) -> None:
        """Tell a channel from now on."""
        values = {
            "channel_id": channel.channel_id,
            "guild_id": channel.guild_id,
            "role_id": channel.role_id,
            "locale": channel.locale,
            "ping_owners": channel.ping_owners,
        }
        here = alert_channels.c.channel_id == channel.channel_id
        await self._transactions.write(lambda db: _replace(db, alert_channels, here, values))

    async def remove_alerts(self, channel_id: int) -> bool:
        """Tell it no more."""
        gone = delete(alert_channels).where(alert_channels.c.channel_id == channel_id)
        return await self._transactions.write(lambda db: bool(db.execute(gone).rowcount))

    async def open_alerts(self) -> Sequence[OpenAlert]:
        """What was told and has not passed."""
        every = select(open_alerts.c.kind, open_alerts.c.subject, open_alerts.c.since)
        return await self._transactions.read(lambda db: [OpenAlert(*row) for row in db.execute(every)])

    async def begin_alerts(self, alerts: Sequence[OpenAlert]) -> Sequence[OpenAlert]:
        """Note that trouble is being told; returned without what another process has noted first."""
        return await self._transactions.write(lambda db: [alert for alert in alerts if _begun(db, alert)])

    async def end_alerts(self, alerts: Sequence[OpenAlert]) -> Sequence[OpenAlert]:
        """It has passed; returned without what another process has noted first, or nobody was told."""
        return await self._transactions.write(lambda db: [alert for alert in alerts if _ended(db, alert)])


def _begun(db: Connection, alert: OpenAlert) -> bool:
    try:
        with db.begin_nested():
            db.execute(insert(open_alerts).values(kind=alert.kind, subject=alert.subject, since=alert.since))
    except IntegrityError:
        return False
    return True


def _ended(db: Connection, alert: OpenAlert) -> bool:
    gone = delete(open_alerts).where(open_alerts.c.kind == alert.kind, open_alerts.c.subject == alert.subject)
    return bool(db.execute(gone).rowcount)


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
        """Keep a name; ``instead_of`` is the peer id that the node had before."""
        values = {
            "node_id": node.node_id,
            "name": node.name,
            "owner_id": node.owner_id,
            "gpu_name": node.gpu_name,
            "gpu_count": node.gpu_count,
            "gpu_memory": node.gpu_memory,
        }
        here = node_names.c.node_id.in_([node.node_id, instead_of or node.node_id])
        await self._transactions.write(lambda db: _replace(db, node_names, here, values))


def _replace(db: Connection, table: Table, where: ColumnElement[bool], values: Mapping[str, object]) -> None:
    db.execute(delete(table).where(where))
    db.execute(insert(table).values(**values))
