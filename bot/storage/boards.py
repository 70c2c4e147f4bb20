"""Boards and alerts on the database: :class:`bot.domain.cluster.boards.Boards`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import ColumnElement, Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from bot.domain.cluster.boards import AlertChannel, Board, OpenAlert
from bot.storage.cluster_tables import alert_channels, boards, open_alerts
from bot.storage.engine import Transactions
from bot.storage.statements import replace_row


class SqlBoards:
    """The contract of every method is :class:`Boards`'s. The fields of each class are the columns of its table."""

    def __init__(self, transactions: Transactions, cluster: str = "") -> None:
        self._transactions = transactions
        self._cluster = cluster

    def of(self, cluster: str) -> SqlBoards:
        """The same boards and channels, with the open alerts of the cluster with this name."""
        return SqlBoards(self._transactions, cluster)

    async def boards(self) -> Sequence[Board]:
        """Every board."""
        return await self._transactions.read(
            lambda db: [Board(**row) for row in db.execute(select(boards)).mappings()]
        )

    async def put_board(self, board: Board) -> None:
        """Add or replace the board of a channel."""
        here = boards.c.channel_id == board.channel_id
        await self._transactions.write(lambda db: replace_row(db, boards, here, asdict(board)))

    async def remove_board(self, channel_id: int) -> bool:
        """Forget a channel's board."""
        gone = delete(boards).where(boards.c.channel_id == channel_id)
        return await self._transactions.write(lambda db: bool(db.execute(gone).rowcount))

    async def alert_channels(self) -> Sequence[AlertChannel]:
        """Every channel that receives alerts."""
        return await self._transactions.read(
            lambda db: [AlertChannel(**row) for row in db.execute(select(alert_channels)).mappings()]
        )

    async def put_alerts(self, channel: AlertChannel) -> None:
        """Send alerts to a channel from now on."""
        here = alert_channels.c.channel_id == channel.channel_id
        await self._transactions.write(lambda db: replace_row(db, alert_channels, here, asdict(channel)))

    async def remove_alerts(self, channel_id: int) -> bool:
        """Stop sending alerts to this channel."""
        gone = delete(alert_channels).where(alert_channels.c.channel_id == channel_id)
        return await self._transactions.write(lambda db: bool(db.execute(gone).rowcount))

    async def open_alerts(self) -> Sequence[OpenAlert]:
        """Every problem of the cluster that was announced and has not ended."""
        kept = select(open_alerts.c.kind, open_alerts.c.subject, open_alerts.c.since).where(self._here)
        return await self._transactions.read(lambda db: [OpenAlert(**row) for row in db.execute(kept).mappings()])

    async def begin_alerts(self, alerts: Sequence[OpenAlert]) -> Sequence[OpenAlert]:
        """Record that these problems are being announced; returns those that no other process had recorded."""
        return await self._transactions.write(lambda db: [alert for alert in alerts if self._begun(db, alert)])

    async def end_alerts(self, alerts: Sequence[OpenAlert]) -> Sequence[OpenAlert]:
        """Record that these problems have ended; returns those that were open, without any that another process
        has ended first."""
        return await self._transactions.write(lambda db: [alert for alert in alerts if self._ended(db, alert)])

    @property
    def _here(self) -> ColumnElement[bool]:
        return open_alerts.c.cluster == self._cluster

    def _begun(self, db: Connection, alert: OpenAlert) -> bool:
        try:
            with db.begin_nested():
                db.execute(insert(open_alerts).values(cluster=self._cluster, **asdict(alert)))
        except IntegrityError:
            return False
        return True

    def _ended(self, db: Connection, alert: OpenAlert) -> bool:
        this = self._here, open_alerts.c.kind == alert.kind, open_alerts.c.subject == alert.subject
        return bool(db.execute(delete(open_alerts).where(*this)).rowcount)
