"""Where the cluster is shown and told: boards, alert channels, open alerts, and the port to their store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Board:
    """A live board: one message in a channel. ``message_id`` None until it was sent."""

    channel_id: int
    guild_id: int | None
    message_id: int | None
    locale: str


@dataclass(frozen=True, slots=True)
class AlertChannel:
    """Where events are told. ``role_id`` is the only role the bot ever pings."""

    channel_id: int
    guild_id: int | None
    role_id: int | None
    locale: str
    ping_owners: bool = False


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """Trouble that was told and has not passed. ``title`` as it was told, for the notice of recovery."""

    kind: str
    subject: str
    since: float


class Boards(Protocol):
    """Where boards are, and where alerts go. Raises only :class:`StorageError`."""

    async def boards(self) -> Sequence[Board]:
        """Every board."""
        ...

    async def put_board(self, board: Board) -> None:
        """Place or replace the board of a channel."""
        ...

    async def remove_board(self, channel_id: int) -> bool:
        """Forget a channel's board; False when there was none."""
        ...

    async def alert_channels(self) -> Sequence[AlertChannel]:
        """Every channel that is told."""
        ...

    async def put_alerts(self, channel: AlertChannel) -> None:
        """Tell a channel from now on."""
        ...

    async def remove_alerts(self, channel_id: int) -> bool:
        """Tell it no more; False when it was not told."""
        ...

    async def open_alerts(self) -> Sequence[OpenAlert]:
        """What was told and has not passed."""
        ...

    async def begin_alerts(self, alerts: Sequence[OpenAlert]) -> Sequence[OpenAlert]:
        """Note that trouble is being told, all at once; returned without what another process has noted first."""
        ...

    async def end_alerts(self, alerts: Sequence[OpenAlert]) -> Sequence[OpenAlert]:
        """It has passed; returned without what another process has noted first, or nobody was told."""
        ...
