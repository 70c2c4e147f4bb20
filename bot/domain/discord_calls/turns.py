"""How many edits begin in a turn of the event loop, and which of those that wait go next.

An edit costs about a millisecond of computing. When more answers stream than can be edited as often as Discord
permits, edits that all begin at once make the loop late for everything: for reading, for people's commands, and
for these edits themselves, which show text that was new long before. So a few begin in each turn, the others wait,
and each shows what is newest when it begins. With little to do nobody waits. Times are seconds of one monotonic
clock.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from bot.domain.discord_calls.priority import CallPriority

MOST = 8
"""The most that begin in a turn: some milliseconds of work."""

LONG = 0.02
"""A turn that took so many seconds is late: half as many begin in the next. After each other turn one more
begins."""

K = TypeVar("K", bound=Hashable)


class EditTurns(Generic[K]):
    """The edits that wait to begin: the most urgent first, equal ones in the order they came. Not thread-safe."""

    def __init__(self) -> None:
        self._waiting: dict[CallPriority, dict[K, None]] = {priority: {} for priority in CallPriority}
        self._priorities: dict[K, CallPriority] = {}
        self._each = self._left = MOST
        self._turned_at: float | None = None

    def __len__(self) -> int:
        """How many wait."""
        return len(self._priorities)

    def begin(self) -> bool:
        """Let an edit begin at once, if nobody waits and this turn has room; returns whether it may."""
        if not self._left or self._priorities:
            return False
        self._left -= 1
        return True

    def wants(self, key: K, priority: CallPriority) -> None:
        """Let ``key`` wait; one that waits already keeps its place, unless this priority is more urgent."""
        if self._priorities.get(key, priority + 1) <= priority:
            return
        self.leave(key)
        self._waiting[priority][key] = None
        self._priorities[key] = priority

    def leave(self, key: K) -> None:
        """Remove ``key``, if it waits."""
        if (priority := self._priorities.pop(key, None)) is not None:
            del self._waiting[priority][key]

    def turned(self, now: float) -> list[K]:
        """Begin a turn of the loop; returns who begins in it. The one before began at the last call."""
        if self._turned_at is not None:
            late = now - self._turned_at >= LONG
            self._each = max(1, self._each // 2) if late else min(MOST, self._each + 1)
        self._turned_at = now
        self._left = self._each
        chosen: list[K] = []
        for waiting in self._waiting.values():
            while waiting and self._left:
                key = next(iter(waiting))
                del waiting[key], self._priorities[key]
                chosen.append(key)
                self._left -= 1
        return chosen

    def rested(self) -> None:
        """Note that the loop has nothing to do for edits: what passes until the next turn tells nothing of it."""
        self._turned_at = None
        self._left = self._each

    @property
    def is_idle(self) -> bool:
        """Whether nobody has begun in this turn, and nobody waits."""
        return self._left == self._each and not self._priorities
