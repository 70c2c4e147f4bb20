"""How many calls the bot's token may make at once, and which of those that wait goes next.

Discord takes 50 calls a second from a bot, over all routes (docs, topics/rate-limits, "Global Rate Limit"); its
interaction and webhook endpoints are exempt. No header tells how much of it is used: the calls are counted here.
When the server counts a call is not known either, only that it is between its leaving and its answer: a call keeps
its slot from the one until a second after the other. Then no second of the server's holds more calls than there
are slots, however unevenly the network delays them. Time is the caller's monotonic clock in seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

from bot.domain.discord_calls.priority import CallPriority

CALLS = 45
"""Slots: a tenth below what Discord takes, for calls of the same token that are not made here."""

WINDOW = 1.0
ANSWERED_WITHIN = 15.0
"""Seconds after which an answer will not come, and a slot that nobody has used is free again."""

SHARES = {CallPriority.TEXT: 40, CallPriority.PLACE: 30}
"""Of all slots these may take no more, so that something more urgent finds one. Others may take any."""

K = TypeVar("K", bound=Hashable)


class CallBudget(Generic[K]):
    """Slots for calls, and the calls that wait for one: the most urgent first, equals in the order they came.

    A call goes through :meth:`wants`, :meth:`granted`, :meth:`left` and :meth:`answered`; :meth:`forget` ends one
    that waits or was granted and will not leave. Not thread-safe.
    """

    def __init__(self) -> None:
        self._waiting: dict[CallPriority, dict[K, None]] = {priority: {} for priority in CallPriority}
        # Since when (of its grant, then of its leaving), the oldest first.
        self._held: dict[K, float] = {}
        self._free_at: deque[float] = deque()
        self._paused_until = float("-inf")

    def __len__(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    def waiting(self) -> Sequence[K]:
        """All that wait, in the order in which they go."""
        return [key for waiting in self._waiting.values() for key in waiting]

    def wants(self, key: K, priority: CallPriority) -> None:
        """``key`` waits for a slot."""
        self._waiting[priority][key] = None

    def granted(self, now: float) -> Sequence[K]:
        """Those whose turn it is now; each has its slot from here on."""
        self._advance(now)
        chosen: list[K] = []
        if now < self._paused_until:
            return chosen
        for priority, waiting in self._waiting.items():
            while waiting and self._used < SHARES.get(priority, CALLS):
                key = next(iter(waiting))
                del waiting[key]
                self._held[key] = now
                chosen.append(key)
        return chosen

    def holds(self, key: K, now: float) -> bool:
        """Whether ``key`` has a slot."""
        self._advance(now)
        return key in self._held

    def left(self, key: K, now: float) -> None:
        """The call of ``key``, which has a slot, is on its way."""
        del self._held[key]
        self._held[key] = now

    def answered(self, key: K, now: float) -> None:
        """The call of ``key`` was answered, or broke: its slot is free after the window."""
        if self._held.pop(key, None) is not None:
            self._free_at.append(now + WINDOW)

    def forget(self, key: K) -> None:
        """``key`` waits no more; a slot it has not used is free at once."""
        self._held.pop(key, None)
        for waiting in self._waiting.values():
            waiting.pop(key, None)

    def refused(self, now: float, *, retry_after: float) -> None:
        """Discord's global limit was met after all, by calls that are not ours: nothing leaves for so long."""
        self._paused_until = max(self._paused_until, now + retry_after)

    def look_at(self, now: float) -> float | None:
        """When to ask :meth:`granted` again unless an answer comes before; None while nobody waits."""
        if not len(self):
            return None
        if now < self._paused_until:
            return self._paused_until
        ends = [self._free_at[0]] if self._free_at else []
        ends += [since + ANSWERED_WITHIN for since in list(self._held.values())[:1]]
        return max(now, min(ends, default=now))

    @property
    def _used(self) -> int:
        return len(self._held) + len(self._free_at)

    def _advance(self, now: float) -> None:
        while self._free_at and self._free_at[0] <= now:
            self._free_at.popleft()
        overdue = [key for key, since in self._held.items() if now - since >= ANSWERED_WITHIN]
        for key in overdue:
            self.answered(key, now)
