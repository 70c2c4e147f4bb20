"""Which of the bot's shards this process has.

A shard is one connection to Discord's gateway, which hears of the servers with ``(guild_id >> 22) % count`` equal
to its id; shard 0 hears of direct messages too (docs.discord.com, developers/events/gateway, "Sharding").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from bot.domain.discord_calls.session_starts import MOST_SHARDS


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """The number of shards in all processes, and the ids of those of this one, in ascending order."""

    count: int
    ids: tuple[int, ...]

    @classmethod
    def of(cls, count: int, ids: Sequence[int], recommended: int) -> ShardPlan:
        """The plan for the settings SHARD_COUNT (0: as many as are ``recommended``) and SHARD_IDS (empty: all)."""
        planned = count or max(1, min(recommended, MOST_SHARDS))
        return cls(planned, tuple(sorted(ids)) or tuple(range(planned)))

    @property
    def is_whole(self) -> bool:
        """Whether this process has all shards."""
        return len(self.ids) == self.count

    def __str__(self) -> str:
        """The ids and the count as people read them: ``0-3,7 of 8``; ``all 2``; ``1``."""
        if self.is_whole:
            return "1" if self.count == 1 else f"all {self.count}"
        return f"{ranges(self.ids)} of {self.count}"


def ranges(ids: Sequence[int]) -> str:
    """Ascending ids as in SHARD_IDS: ``0-3,7``."""
    starts = [ids[0], *(later for earlier, later in pairwise(ids) if later != earlier + 1)]
    ends = [*(earlier for earlier, later in pairwise(ids) if later != earlier + 1), ids[-1]]
    return ",".join(
        str(start) if start == end else f"{start}-{end}" for start, end in zip(starts, ends, strict=True)
    )
