"""When to send again after a refusal. Pure: it is told what happened and when (any clock's seconds, one clock)."""

from __future__ import annotations

MOST_ASKED_SECONDS = 60.0
"""The longest that a ``Retry-After`` is obeyed: error pages of proxies ask for hours."""

LEAST_ASKED_SECONDS = 5.0
"""The shortest that a ``Retry-After`` is obeyed, even if the status shows room: its count is corrected late."""


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
        """Note that the cluster refused a request and asked to wait ``retry_after`` seconds (None: it did not
        say).

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
        """Note that a request was taken: the next refusal begins a new episode."""
        self._next = self._first
        self._until = float("-inf")

    def slot_freed(self) -> None:
        """Stop waiting: one of the bot's requests ended, so there is room for another one."""
        self._until = self._asked_until = self._room_counts_from = float("-inf")

    def status_changed(self) -> None:
        """Stop waiting because the cluster changed, unless the cluster itself asked for the wait."""
        self._until = float("-inf")

    def resumed(self) -> None:
        """Stop waiting and begin a new episode: an operator asked to try now."""
        self.slot_freed()
        self.succeeded()

    def remaining(self, now: float, *, room: bool = False) -> float:
        """Seconds from ``now`` until a request may be sent; 0 when it may be sent at once. ``room``: the newest
        status shows a free slot."""
        asked_until = self._room_counts_from if room else self._asked_until
        return max(0.0, self._until - now, asked_until - now)
