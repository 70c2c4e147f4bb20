"""How many calls the bot's token may make at once, and which of those that wait goes next.

Discord takes 50 calls a second from a bot, over all routes (docs, topics/rate-limits, "Global Rate Limit"); its
interaction and webhook endpoints are exempt. No header shows how much is used, so calls are counted here. The
server counts a call at an unknown moment between sending and answer, so a call keeps its slot from sending until
one second after the answer. Then the server never counts more calls in one second than there are slots, however
unevenly the network delays them. Times are seconds of the caller's monotonic clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

from bot.domain.discord_calls.priority import CallPriority

CALLS = 45
"""Slots: a tenth below what Discord takes, for other programs with the same token."""

WINDOW = 1.0
ANSWERED_WITHIN = 15.0
"""Seconds after which no answer is expected any more; an unused slot is free again after this time too."""

SHARES = {CallPriority.TEXT: 40, CallPriority.POSITION: 30, CallPriority.READING: 20}
"""The most slots that these priorities may use, so that more urgent calls find one; others may use all."""

K = TypeVar("K", bound=Hashable)


class CallBudget(Generic[K]):
    """Slots for calls, and the calls that wait for one: the most urgent first, equal ones in the order they came.

    A call goes through :meth:`wants`, :meth:`granted`, :meth:`left` and :meth:`answered`; :meth:`forget` ends one
    that waits, or that was granted and will not be made. Not thread-safe.
    """

    def __init__(self) -> None:
        self.sharers = 1
        """How many processes share the slots evenly."""
        self._waiting: dict[CallPriority, dict[K, None]] = {priority: {} for priority in CallPriority}
        # Since when each call has its slot (first the time of the grant, then of sending); the oldest first.
        self._held: dict[K, float] = {}
        self._free_at: deque[float] = deque()
        self._paused_until = float("-inf")

    def __len__(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    def waiting(self) -> Sequence[K]:
        """The calls that wait, in the order in which they get a slot."""
        return [key for waiting in self._waiting.values() for key in waiting]

    def wants(self, key: K, priority: CallPriority) -> None:
        """Let ``key`` wait for a slot."""
        self._waiting[priority][key] = None

    def granted(self, now: float) -> Sequence[K]:
        """Give the free slots to the next calls; returns these calls."""
        self._advance(now)
        chosen: list[K] = []
        if now < self._paused_until:
            return chosen
        for priority, waiting in self._waiting.items():
            while waiting and self._used < max(1, SHARES.get(priority, CALLS) // self.sharers):
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
        """Note that the call of ``key``, which has a slot, was sent."""
        del self._held[key]
        self._held[key] = now

    def answered(self, key: K, now: float) -> None:
        """Note that the call was answered, or its connection broke: its slot is free after the window."""
        if self._held.pop(key, None) is not None:
            self._free_at.append(now + WINDOW)

    def forget(self, key: K) -> None:
        """Remove ``key``; a slot that it has not used is free at once."""
        self._held.pop(key, None)
        for waiting in self._waiting.values():
            waiting.pop(key, None)

    def refused(self, now: float, *, retry_after: float) -> None:
        """Grant nothing for ``retry_after`` seconds: other programs' calls have reached the global limit."""
        self._paused_until = max(self._paused_until, now + retry_after)

    def look_at(self, now: float) -> float | None:
        """When to call :meth:`granted` again unless an answer comes before; None while no call waits."""
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
