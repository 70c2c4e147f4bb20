"""Which of several processes on one database shows the boards and keeps the history."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from bot.clock import Clock
from bot.domain.cluster.leader_lease import LeaderLease
from bot.errors import StorageError

log = structlog.get_logger(__name__)

# In seconds. A process that ends releases the lease; one that hangs keeps it for this long.
LASTS = 15.0
# It is needed every five seconds: renewing it every second time writes less to the disk.
RENEWED_AFTER = 6.0


class Leadership:
    """The leadership: one process at a time has it, and keeps it until it ends or another one takes it."""

    def __init__(
        self, leader_lease: LeaderLease, owner: str, clock: Clock, is_alive: Callable[[str], bool]
    ) -> None:
        """``owner`` is the unique name of this process; ``is_alive`` tells whether the process with a given name
        runs."""
        self._leader_lease = leader_lease
        self._is_alive = is_alive
        self._owner = owner
        self._clock = clock
        self._held_at: float | None = None
        self._retired = False

    async def is_ours(self, *, surely: bool = False) -> bool:
        """Whether this process is the leader; it becomes the leader when there is none. ``surely``: ask the
        database now instead of relying on the last few seconds. Raises :class:`StorageError`."""
        held = self._held_at is not None and self._clock.monotonic() - self._held_at < RENEWED_AFTER
        if held and not surely:
            return True
        if self._retired:
            return False
        now = self._clock.now()
        if await self._leader_lease.hold(self._owner, now=now, until=now + LASTS, is_alive=self._is_alive):
            self._held_at = self._clock.monotonic()
            return True
        if self._held_at is not None:
            log.info("leadership.lost")
        self._held_at = None
        return False

    async def take(self) -> None:
        """Become the leader, even if another process is: people asked this process. Raises
        :class:`StorageError`."""
        if not self._retired:
            await self._leader_lease.take(self._owner, until=self._clock.now() + LASTS)
            self._held_at = self._clock.monotonic()

    async def retire(self) -> None:
        """Let another process become the leader at once, and never be it again: this one is about to end."""
        self._retired = True
        await self.release()

    async def release(self) -> None:
        """Let another process become the leader at once."""
        self._held_at = None
        try:
            await self._leader_lease.release(self._owner)
        except StorageError as error:
            # It expires by itself.
            log.warning("leadership.not_released", detail=str(error))
