"""How an application may begin sessions: in how many shards, how often, and how far apart.

Source: docs.discord.com, developers/events/gateway, "Sharding", "Max Concurrency" and "Session Start Limit
Object"; developers/topics/opcodes-and-status-codes, "Gateway Close Event Codes".
"""

from __future__ import annotations

from sandbox.clock import Clock
from sandbox.discord_api.wire import JSON

DAY = 86_400.0
IDENTIFY_EVERY = 0.05
"""Real seconds between two IDENTIFYs of a bucket. Discord's are 5, with which tests would only be slow."""


class SessionStarts:
    """What ``GET /gateway/bot`` tells, and what the gateway holds an application to.

    ``recommended`` is the number of shards that Discord recommends, ``fewest`` the smallest that it accepts
    (4011). ``identify_every`` is the real seconds between two IDENTIFYs of one bucket, which are the shards with
    the same ``shard_id % max_concurrency``. All may be changed at any time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.recommended = 1
        self.fewest = 1
        self.max_concurrency = 1
        self.identify_every = IDENTIFY_EVERY
        self.total = 1000
        self.remaining = 1000
        self.resets_at = clock.now() + DAY
        self.too_early: list[int] = []
        """The shards whose IDENTIFY came before its bucket was free."""
        self._last: dict[int, float] = {}

    def payload(self) -> JSON:
        """The fields of ``GET /gateway/bot`` beside the address."""
        self._renew()
        start = {
            "total": self.total,
            "remaining": self.remaining,
            "reset_after": round((self.resets_at - self._clock.now()) * 1000),
            "max_concurrency": self.max_concurrency,
        }
        return {"shards": self.recommended, "session_start_limit": start}

    def refusal(self, shard: tuple[int, int] | None) -> int | None:
        """The close code for an IDENTIFY as this shard of so many; None when it is accepted.

        When none is left for today, Discord resets the token, with which nobody gets in any more (4004).
        """
        if shard is None or not 0 <= shard[0] < shard[1]:
            return 4010
        if shard[1] < self.fewest:
            return 4011
        self._renew()
        if self.remaining == 0:
            return 4004
        self.remaining -= 1
        return None

    def take(self, shard_id: int) -> bool:
        """Whether the bucket of this shard is free; from now on it is taken. An IDENTIFY that comes too early
        begins no session (op 9)."""
        bucket, now = shard_id % self.max_concurrency, self._clock.monotonic()
        free = now - self._last.get(bucket, float("-inf")) >= self.identify_every
        self._last[bucket] = now
        if not free:
            self.too_early.append(shard_id)
        return free

    def _renew(self) -> None:
        if (now := self._clock.now()) >= self.resets_at:
            self.remaining, self.resets_at = self.total, now + DAY


def shard_in(data: JSON) -> tuple[int, int] | None:
    """The ``[shard_id, num_shards]`` of an IDENTIFY, ``(0, 1)`` without one; None when it is something else."""
    shard = data.get("shard")
    if shard is None:
        return 0, 1
    if not isinstance(shard, list) or len(shard) != 2 or not all(type(part) is int for part in shard):
        return None
    return shard[0], shard[1]
