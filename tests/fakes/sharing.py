"""What processes share of the bot's gateway, without any other process."""

from __future__ import annotations

from collections.abc import Iterable


class ScriptedHolds:
    """A :class:`bot.domain.discord_calls.sharing.ShardHolds` of a process that is to keep every shard connected.

    ``taken_over`` tells of each hand-over in turn whether others connect the shards, and whether they still have
    them a moment later. ``told`` are the shards that others know to be connected here.
    """

    def __init__(self, taken_over: Iterable[tuple[bool, bool]] = ()) -> None:
        self.told: list[int] = []
        self.asked = 0
        self._taken_over = iter(taken_over)
        self._stays = False

    async def take(self, shard_id: int, count: int) -> None:
        """Return at once."""

    async def connected(self, shard_id: int, count: int) -> None:
        """Note it."""
        self.told.append(shard_id)

    async def hand_over(self, patience: float) -> bool:
        """As it is written."""
        self.asked += 1
        connected, self._stays = next(self._taken_over)
        return connected

    async def is_handed_over(self) -> bool:
        """As it is written."""
        return self._stays


class ScriptedHearing:
    """A :class:`bot.domain.discord_calls.sharing.Hearing`: other processes answer what has one of these ids."""

    def __init__(self, others: Iterable[int] = ()) -> None:
        self.others = set(others)

    async def is_ours(self, number: int) -> bool:
        """Whether nobody else answers it by now."""
        return number not in self.others
