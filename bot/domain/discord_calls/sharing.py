"""How several processes share one bot's gateway: who keeps a shard connected, and who answers what several
hear."""

from __future__ import annotations

from typing import Protocol


class Hearing(Protocol):
    """Of everything that Discord tells, one process answers: two hear the same while one takes a shard over from
    the other."""

    async def is_ours(self, number: int) -> bool:
        """Whether this process answers the interaction or message with this id: the first that asks does. It does
        too when nobody can tell, as Discord takes only one first answer to an interaction."""
        ...


class ShardHolds(Protocol):
    """Which shards this process is to keep connected. ``count`` is the number of all shards."""

    async def take(self, shard_id: int, count: int) -> None:
        """Return when this process is to connect the shard; waits while another one does. Returns at once when
        this process is to already."""
        ...

    async def connected(self, shard_id: int, count: int) -> None:
        """Tell the others that this process hears everything of the shard: who had it before may end."""
        ...

    async def hand_over(self, patience: float) -> bool:
        """Let others connect what is connected here, and wait until they hear everything of it. False when they
        have connected nothing more for ``patience`` seconds, or when nobody wants what is left."""
        ...

    async def is_handed_over(self) -> bool:
        """Whether others hear at this moment what this process has handed over: who took it may have ended."""
        ...
