"""When a session of the gateway may be started: how many are left today, and how far apart.

Discord lets a bot identify so many times in 24 hours (1,000 for most bots); one time more ends all its sessions
and resets its token. Of the shards with the same ``shard_id % max_concurrency`` one may identify in 5 s. Source:
docs.discord.com, developers/events/gateway, "Identifying", "Sharding" and "Session Start Limit Object". Times are
seconds of the caller's monotonic clock.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

IDENTIFY_EVERY = 5.25
"""Seconds between two sessions of one bucket: 5, and a quarter because the first one may be on its way longer than
the second."""

KEPT_BACK = 5
"""Session starts of a day that are never used: another process may use some of them at the same moment."""

MOST_SHARDS = 16_384
"""Beyond what any bot needs; larger numbers from outside are taken for this one."""

LONGEST_RESET = 86_400.0
"""Seconds: the limit is one of 24 hours."""

LONGEST_PAUSE = 30.0
LONGEST_AFTER_REFUSAL = 300.0
"""Seconds between two attempts, at most: to connect, and to get a session, of which a day has only so many."""


@dataclass(frozen=True, slots=True)
class SessionStartLimit:
    """What Discord tells of the limit: starts that are left, seconds until all are there again, and how many
    shards may identify at the same time (at least 1)."""

    remaining: int
    resets_after: float
    max_concurrency: int = 1

    def bucket(self, shard_id: int) -> int:
        """The bucket of a shard: shards of different buckets may identify at the same time."""
        return shard_id % self.max_concurrency


class SessionStarts:
    """Counts the session starts that are left, between two looks at what Discord tells. Not thread-safe."""

    def __init__(self, limit: SessionStartLimit, now: float) -> None:
        self.limit = limit
        self.read_at = now
        self._left = limit.remaining

    def renew(self, limit: SessionStartLimit, now: float) -> None:
        """Take over what Discord tells at this moment, which includes what other processes started."""
        self.limit, self.read_at, self._left = limit, now, limit.remaining

    def take(self, now: float) -> float:
        """Take one start. Returns 0 when there was one, else the seconds until there is."""
        until = self.read_at + self.limit.resets_after
        if self._left > KEPT_BACK:
            self._left -= 1
            return 0.0
        return max(1.0, until - now)

    def give_back(self) -> None:
        """Note that a start which was taken did not come as far as asking for a session."""
        self._left += 1


def pause_after(failures: int, jitter: float, *, refused: bool) -> float:
    """Seconds until a shard is connected again after so many failures in a row; 0 after none.

    ``refused``: the last attempt connected and got no session. ``jitter`` is a random number in [0, 1), by which
    half of the pause is drawn, so that shards do not come back together.
    """
    if failures == 0:
        return 0.0
    most = LONGEST_AFTER_REFUSAL if refused else LONGEST_PAUSE
    return min(2.0 ** min(failures - 1, 10), most) * (0.5 + 0.5 * jitter)


class IdentifyTurns(Protocol):
    """Whose turn it is to start a session: everybody who uses the bot's token has to ask the same one."""

    def turn(self, bucket: int) -> AbstractAsyncContextManager[None]:
        """Wait until nobody else starts a session in this bucket, and the last one is :data:`IDENTIFY_EVERY` old.

        The session is started inside; its age counts from the end of the block, also when that failed or was
        cancelled. Waiting can be cancelled. First come, first served.
        """
        ...
