"""Boards, alert channels and open alerts, and the port to their store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Board:
    """A live board: one message in a channel. ``message_id`` is None until it was sent."""

    channel_id: int
    guild_id: int | None
    message_id: int | None
    locale: str


@dataclass(frozen=True, slots=True)
class AlertChannel:
    """A channel that receives alerts. ``role_id`` is the only role the bot ever pings."""

    channel_id: int
    guild_id: int | None
    role_id: int | None
    locale: str
    ping_owners: bool = False


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """A problem that was announced and has not ended. ``since`` in epoch seconds."""

    kind: str
    subject: str
    since: float


class Boards(Protocol):
    """The store of boards, alert channels and open alerts. Raises only :class:`StorageError`."""

    async def boards(self) -> Sequence[Board]:
        """Every board."""
        ...

    async def put_board(self, board: Board) -> None:
        """Add or replace the board of a channel."""
        ...

    async def remove_board(self, channel_id: int) -> bool:
        """Forget a channel's board; False when there was none."""
        ...

    async def alert_channels(self) -> Sequence[AlertChannel]:
        """Every channel that receives alerts."""
        ...

    async def put_alerts(self, channel: AlertChannel) -> None:
        """Send alerts to a channel from now on."""
        ...

    async def remove_alerts(self, channel_id: int) -> bool:
        """Stop sending alerts to this channel; False when it received none."""
        ...

    async def open_alerts(self) -> Sequence[OpenAlert]:
        """Every problem that was announced and has not ended."""
        ...

    async def begin_alerts(self, alerts: Sequence[OpenAlert]) -> Sequence[OpenAlert]:
        """Record that these problems are being announced, in one transaction; returns those that no other process
        had recorded before."""
        ...

    async def end_alerts(self, alerts: Sequence[OpenAlert]) -> Sequence[OpenAlert]:
        """Record that these problems have ended; returns those that were open, without any that another process
        has ended first."""
        ...
