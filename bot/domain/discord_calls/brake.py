"""How close the bot is to a ban by Discord, and which calls it may still make.

Discord bans an IP address after 10,000 invalid answers (401, 403, and 429 without the scope ``shared``) in ten
minutes (docs, topics/rate-limits, "Invalid Request Limit"). A 404 is counted here too, which that rule does not
name: a loop that asks for something that does not exist is the same kind of fault. Times are seconds of the
caller's monotonic clock.
"""

from __future__ import annotations

from collections import deque
from enum import IntEnum

from bot.domain.discord_calls.priority import CallPriority

WINDOW = 600.0
INVALID = frozenset({401, 403, 404, 429})
HOLDS_BACK = 1_000
CUTS_OFF = 5_000


class Level(IntEnum):
    """Which calls may be made; the values are those of the metric.

    ``OPEN``: everything. ``HELD_BACK``: last states of answers, answers to interactions, and what operators need.
    ``CUT_OFF``: what operators need.
    """

    OPEN = 0
    HELD_BACK = 1
    CUT_OFF = 2

    def permits(self, priority: CallPriority, *, interaction: bool) -> bool:
        """Whether a call may be made. ``interaction``: it goes to an interaction's or a webhook's endpoint, which
        tells people in one sentence that the rest has to wait."""
        if self is Level.OPEN or priority is CallPriority.OPERATORS:
            return True
        if self is Level.CUT_OFF:
            return False
        return priority is CallPriority.LAST or (interaction and priority is CallPriority.OTHER)


class InvalidAnswers:
    """Counts invalid answers over ten minutes. Not thread-safe."""

    def __init__(self) -> None:
        self.sharers = 1
        """How many processes may get invalid answers, each an even part of what is borne."""
        self._at: deque[float] = deque(maxlen=CUTS_OFF)

    def count(self, status: int, now: float, *, scope: str = "") -> bool:
        """Count an answer with this status and ``X-RateLimit-Scope``; returns whether it is invalid."""
        counts = status in INVALID and not (status == 429 and scope == "shared")
        if counts:
            self._at.append(now)
        return counts

    def within(self, now: float) -> int:
        """The number of invalid answers in the last ten minutes, counted up to :data:`CUTS_OFF`."""
        while self._at and now - self._at[0] >= WINDOW:
            self._at.popleft()
        return len(self._at)

    def level(self, now: float) -> Level:
        """Which calls may be made now."""
        found = self.within(now)
        if found >= self._part(CUTS_OFF):
            return Level.CUT_OFF
        return Level.HELD_BACK if found >= self._part(HOLDS_BACK) else Level.OPEN

    def eases_at(self, now: float) -> float | None:
        """When the level falls if no further invalid answer comes; None at the lowest level."""
        found = self.within(now)
        limits = (self._part(CUTS_OFF), self._part(HOLDS_BACK))
        threshold = next((limit for limit in limits if found >= limit), None)
        return None if threshold is None else self._at[found - threshold] + WINDOW

    def _part(self, limit: int) -> int:
        """What this process may bear of a limit, at least one."""
        return max(1, limit // self.sharers)
