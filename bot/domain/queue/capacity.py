"""How many requests may be in flight at the cluster. Pure: the caller passes in what happened and when (seconds of
any one clock)."""

from __future__ import annotations

QUIET_SECONDS = 60.0
"""After this long without a refusal, one request more than the last known level is tried."""

LATE_SECONDS = 2.0
"""A request that waited longer than this for its headers was held because no slot was free. The scheduler looks at
held requests every 5 s, and a free slot answers within 0.1 s."""

DECREASE = 0.75
"""A refusal reduces the level to this share. One half, as in TCP, would leave a small cluster idle: 5 → 2 where 4
is right."""


class CapacityLimit:
    """The number of requests that the bot may have in flight.

    *Known*: the cluster says how many it runs at once. ``reserve`` of them are left to its other clients, but the
    bot may always use one. *Learned*, where the cluster does not say: the limit first grows by one for every
    request that was taken at once while all slots were in use, until a request has to wait. After that it grows by
    one per round of such successes (additive increase) and shrinks to a share at a refusal (multiplicative
    decrease). It stays below the number that was refused until a minute has passed without a refusal.
    """

    def __init__(self, *, reserve: int = 0, first: int = 2, most: int = 256) -> None:
        """``first`` is the guess to begin with, ``most`` the bound of what is learned (both ≥ 1)."""
        if reserve < 0 or not 1 <= first <= most:
            raise ValueError(f"reserve {reserve}, first {first}, most {most}")
        self._reserve = reserve
        self._most = float(most)
        self._known: int | None = None
        self._learned = float(first)
        self._seeking = True
        self._refused: float | None = None
        self._decreased_at = float("-inf")
        self._quiet_since = float("-inf")

    def status(self, max_running_request: int | None) -> None:
        """Take over the capacity that the cluster reports; None when it reports none."""
        self._known = max_running_request

    def limit(self, now: float) -> int:
        """How many may be in flight at ``now``. At least 1, unless the cluster says that it can run none."""
        if self._known is not None:
            return max(1, self._known - self._reserve) if self._known > 0 else 0
        return int(min(self._learned + self._probe(now), self._most))

    def succeeded(self, now: float, *, in_flight: int, waited: float = 0.0, held: int = 0) -> None:
        """Note that an answer began ``waited`` seconds after its request was sent, with ``in_flight`` requests in
        flight (this one included). Late headers, and requests that the cluster still has ``held``, mean that the
        cluster was full: the limit does not grow."""
        if held or waited > LATE_SECONDS:
            self._seeking = False
            return
        if self._known is not None or in_flight < self.limit(now):
            return
        if self._probe(now):
            # The additional request was taken: that is the new level; the next step needs another quiet minute.
            self._learned = float(self.limit(now))
            self._refused = self._learned + 1
            self._quiet_since = now
            return
        ceiling = self._most if self._refused is None else self._refused - 1
        step = 1.0 if self._seeking else 1 / self._learned
        self._learned = min(self._learned + step, ceiling)

    def refused(self, now: float, *, sent_at: float) -> None:
        """Note that the cluster answered 429 to a request sent at ``sent_at``. Requests that were sent before the
        last decrease belong to the same episode and change nothing."""
        level = int(self._learned)
        # After a quiet minute it was the additional request that was refused: the level below may work still.
        too_many = level + self._probe(now)
        self._quiet_since = now
        self._seeking = False
        if sent_at <= self._decreased_at:
            return
        self._refused = float(max(2, too_many))
        self._learned = max(1.0, level * DECREASE)
        self._decreased_at = now

    def _probe(self, now: float) -> int:
        return int(self._refused is not None and now - self._quiet_since >= QUIET_SECONDS)
