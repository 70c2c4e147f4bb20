"""The channels that receive alerts."""

from __future__ import annotations

from bot.clock import Clock
from bot.domain.cluster.audit import AuditEntry, AuditLog, Json
from bot.domain.cluster.boards import AlertChannel, Boards


class AlertChannels:
    """Adds and removes channels for operators. Raises only :class:`StorageError`."""

    def __init__(self, store: Boards, audit: AuditLog, clock: Clock) -> None:
        self._store = store
        self._audit = audit
        self._clock = clock

    async def place(self, channel: AlertChannel, *, by: int) -> None:
        """Send alerts to a channel from now on."""
        await self._store.put_alerts(channel)
        await self._note(by, channel.channel_id, channel.role_id, removed=False)

    async def remove(self, channel_id: int, *, by: int) -> bool:
        """Stop sending alerts to a channel; False when it received none."""
        was_there = await self._store.remove_alerts(channel_id)
        await self._note(by, channel_id, None, removed=True)
        return was_there

    async def _note(self, by: int, channel_id: int, role_id: int | None, *, removed: bool) -> None:
        detail: Json = {"channel": channel_id, "role": role_id, "removed": removed}
        await self._audit.record(AuditEntry(self._clock.now(), by, "cluster.alerts", detail))
