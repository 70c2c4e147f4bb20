"""Which of several processes on one database shows the boards and keeps the history."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from bot.clock import Clock
from bot.domain.cluster.leader_lease import LeaderLease
from bot.errors import StorageError

log = structlog.get_logger(__name__)

NAME = "watch"
# In seconds. One that ends is missed at once; one that stands still, for this long.
LASTS = 15.0
# Looked at every five seconds: renewed at every other look, for an idle disk.
RENEWED_AFTER = 6.0


class Leadership:
    """A turn that one process has at a time, and keeps until it ends or another takes it."""

    def __init__(
        self, leader_lease: LeaderLease, owner: str, clock: Clock, is_alive: Callable[[str], bool]
    ) -> None:
        """``owner`` names this process, and no other; ``is_alive`` tells whether the process of another name
        lives."""
        self._leader_lease = leader_lease
        self._is_alive = is_alive
        self._owner = owner
        self._clock = clock
        self._known_at: float | None = None

    async def is_ours(self, *, surely: bool = False) -> bool:
        """Whether this process has the turn, which it takes when nobody has it. ``surely``: by the database at
        this moment, not by what was known a few seconds ago. Raises :class:`StorageError`."""
        known = self._known_at is not None and self._clock.monotonic() - self._known_at < RENEWED_AFTER
        if known and not surely:
            return True
        now = self._clock.now()
        if await self._leader_lease.hold(NAME, self._owner, now=now, until=now + LASTS, is_alive=self._is_alive):
            self._known_at = self._clock.monotonic()
            return True
        if self._known_at is not None:
            log.info("watch.taken_elsewhere")
        self._known_at = None
        return False

    async def take(self) -> None:
        """Have the turn from now on, whoever had it: people asked this process. Raises :class:`StorageError`."""
        await self._leader_lease.take(NAME, self._owner, until=self._clock.now() + LASTS)
        self._known_at = self._clock.monotonic()

    async def release(self) -> None:
        """Let another process have it at once."""
        self._known_at = None
        try:
            await self._leader_lease.release(NAME, self._owner)
        except StorageError as error:
            # It runs out by itself.
            log.warning("watch.not_released", detail=str(error))
