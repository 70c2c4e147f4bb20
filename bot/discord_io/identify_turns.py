"""Turns to start sessions with Discord, among the shards of one process."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.clock import Clock
from bot.domain.discord_calls.session_starts import IDENTIFY_EVERY


@dataclass(slots=True)
class _Bucket:
    free_at: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class OwnIdentifyTurns:
    """Turns (:class:`bot.domain.discord_calls.session_starts.IdentifyTurns`) in a process that has the bot's token
    alone. Of an earlier process it knows nothing: Discord refuses a session that comes too early, and the next
    attempt is in time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: defaultdict[int, _Bucket] = defaultdict(_Bucket)

    @asynccontextmanager
    async def turn(self, bucket: int) -> AsyncIterator[None]:
        """Wait for the turn, and hold it meanwhile."""
        held = self._buckets[bucket]
        async with held.lock:
            if (wait := held.free_at - self._clock.monotonic()) > 0:
                await self._clock.sleep(wait)
            try:
                yield
            finally:
                held.free_at = self._clock.monotonic() + IDENTIFY_EVERY
