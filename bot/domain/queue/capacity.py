"""How many requests may be in flight at the cluster, and when to try again after it refused one.

Both are pure: they are told what happened and when (any clock's seconds, as long as it is one clock).
"""

from __future__ import annotations

QUIET_SECONDS = 60.0
"""Without a refusal for this long, one more is tried than was refused last time."""

LATE_SECONDS = 2.0
"""A request that waited longer than this for its headers was held for want of a slot. The scheduler looks at
what it holds every 5 s, and a free slot answers within 0.1 s."""

DECREASE = 0.75
"""A refusal leaves this share. TCP's half would idle a small cluster: 5 → 2 where 4 is the truth."""


class CapacityLimit:
    """The number of requests that the bot may have in flight.

    *Known*: the cluster says how many it runs at once; ``reserve`` of them are left to its other clients, but
    one is always ours. *Learned* where it does not say: at first one more for every request that was taken at
    once while all were in use, until one has to wait; from then on one more per round of such successes (additive
    increase), a share less at a refusal (multiplicative decrease), never again up to the number that was
    refused, until a quiet minute has passed.
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
        """What the cluster says of itself; None when it does not say."""
        self._known = max_running_request

    @property
    def is_known(self) -> bool:
        """Whether the cluster says its capacity, rather than the bot having learned it."""
        return self._known is not None

    def limit(self, now: float) -> int:
        """How many may be in flight at ``now``. At least 1, unless the cluster says that it can run none."""
        if self._known is not None:
            return max(1, self._known - self._reserve) if self._known > 0 else 0
        ceiling = self._most if self._refused is None else min(self._most, self._refused - 1 + self._probe(now))
        return int(max(1.0, min(self._learned + self._probe(now), ceiling)))

    def succeeded(self, now: float, *, in_flight: int, waited: float = 0.0, held: int = 0) -> None:
        """A request began to answer, ``waited`` seconds after it was sent, with ``in_flight`` in flight then
        (itself included). Late headers mean that the cluster was full, and so do requests that are still
        ``held`` there: no reason to send it more."""
        if held or waited > LATE_SECONDS:
            self._seeking = False
            return
        if self._known is not None or in_flight < self.limit(now):
            return
        if self._probe(now):
            # The one more was taken: that is the new level, and the next step needs another quiet minute.
            self._learned = float(self.limit(now))
            self._refused = self._learned + 1
            self._quiet_since = now
            return
        ceiling = self._most if self._refused is None else self._refused - 1
        if self._seeking:
            self._learned = min(self._learned + 1, self._most)
            return
        self._learned = max(1.0, min(self._learned + 1 / self._learned, ceiling, self._most))

    def refused(self, now: float, *, sent_at: float) -> None:
        """The cluster answered 429 to a request sent at ``sent_at``. Requests that were sent before the last
        decrease belong to the same episode and change nothing."""
        self._quiet_since = now
        self._seeking = False
        if sent_at <= self._decreased_at:
            return
        level = self.limit(now) if self._known is None else int(self._learned)
        self._refused = float(max(2, level))
        self._learned = max(1.0, level * DECREASE)
        self._decreased_at = now

    def _probe(self, now: float) -> int:
        return int(self._refused is not None and now - self._quiet_since >= QUIET_SECONDS)


MOST_ASKED_SECONDS = 60.0
"""A ``Retry-After`` is obeyed for so long: the page of a proxy asks for hours."""

LEAST_ASKED_SECONDS = 5.0
"""And for so long whatever the status says: its count of requests is corrected late, and other clients use the
cluster too."""


class BackOff:
    """When to send again after a refusal.

    The wait doubles from ``first`` to ``most`` seconds, with jitter so that several bots do not come back
    together, and ends early when a slot is freed or the cluster's status changes. A ``Retry-After`` is obeyed
    instead, up to :data:`MOST_ASKED_SECONDS`; it ends early when a slot is freed, and, after
    :data:`LEAST_ASKED_SECONDS` and our own wait, while the status shows room. An operator ends both.
    """

    def __init__(self, *, first: float = 1.0, most: float = 30.0) -> None:
        """Both in seconds, 0 < ``first`` ≤ ``most``."""
        if not 0 < first <= most:
            raise ValueError(f"first {first}, most {most}")
        self._first = first
        self._most = most
        self._next = first
        self._until = float("-inf")
        self._asked_until = float("-inf")
        self._room_counts_from = float("-inf")

    def refused(self, now: float, *, retry_after: float | None, jitter: float) -> None:
        """The cluster refused a request and asked to wait ``retry_after`` seconds (None: it did not say).

        ``jitter`` is a random number in [0, 1): half of the wait is drawn by it. A refusal during a wait
        belongs to the same episode and does not double the next one.
        """
        ours = self._next * (0.5 + 0.5 * jitter)
        if now >= max(self._until, self._room_counts_from):
            self._next = min(self._most, self._next * 2)
            if retry_after is None:
                self._until = now + ours
        if retry_after is not None:
            asked = min(retry_after, MOST_ASKED_SECONDS)
            self._asked_until = max(self._asked_until, now + asked)
            self._room_counts_from = max(self._room_counts_from, now + min(asked, max(LEAST_ASKED_SECONDS, ours)))

    def succeeded(self) -> None:
        """A request was taken: the next refusal begins a new episode."""
        self._next = self._first
        self._until = float("-inf")

    def slot_freed(self) -> None:
        """One of our requests ended, so there is room for another one: stop waiting."""
        self._until = self._asked_until = self._room_counts_from = float("-inf")

    def status_changed(self) -> None:
        """The cluster changed: stop waiting, unless it asked for it."""
        self._until = float("-inf")

    def resumed(self) -> None:
        """An operator wants it to be tried now: stop waiting, and begin a new episode."""
        self.slot_freed()
        self.succeeded()

    def remaining(self, now: float, *, room: bool = False) -> float:
        """Seconds from ``now`` until a request may be sent; 0 when it may be sent at once. ``room``: the newest
        status shows that more could run than do."""
        asked_until = self._room_counts_from if room else self._asked_until
        return max(0.0, self._until - now, asked_until - now)
