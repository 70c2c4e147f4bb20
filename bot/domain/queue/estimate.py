"""Estimate of how long a question waits, from how long earlier questions took."""

from __future__ import annotations

from collections.abc import Sequence

OVERDUE_SHARE = 0.25
"""A running answer is never expected to end sooner than in this share of the usual time. It may be longer than
usual, and an estimate that shrinks to zero and stays there does not help the person who waits."""


class ServiceTimes:
    """The usual time from the request to its end: an exponentially weighted mean that follows a change of
    model or load within about ``1 / share`` answers."""

    def __init__(self, *, share: float = 0.2) -> None:
        """``share`` is the newest answer's part of the mean, in (0, 1]."""
        if not 0 < share <= 1:
            raise ValueError(f"share {share}")
        self._share = share
        self._seconds: float | None = None

    @property
    def seconds(self) -> float | None:
        """The usual time; None before the first answer."""
        return self._seconds

    def observe(self, seconds: float) -> None:
        """Add an answer that took this long (≥ 0)."""
        before = self._seconds
        self._seconds = seconds if before is None else before + self._share * (seconds - before)


def estimate_wait(
    position: int, capacity: int, service_seconds: float | None, running_elapsed: Sequence[float]
) -> float | None:
    """Seconds until the question at ``position`` (from 1) in the queue is taken; None when nothing is known yet.

    ``running_elapsed`` holds how long each running request has run. Every answer is expected to take
    ``service_seconds``; ``capacity`` run at once.
    """
    if position < 1:
        raise ValueError(f"positions count from 1, not {position}")
    if service_seconds is None or capacity < 1:
        return None
    overdue = service_seconds * OVERDUE_SHARE
    rounds, slot = divmod(position - 1, capacity)
    free = max(0, capacity - len(running_elapsed))
    if slot < free:
        return rounds * service_seconds
    remaining = sorted(max(overdue, service_seconds - elapsed) for elapsed in running_elapsed)
    # When more run than the capacity (it shrank), the first to end leave no slot.
    return remaining[-capacity:][slot - free] + rounds * service_seconds
