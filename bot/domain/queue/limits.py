"""Whether one more question may join the line."""

from __future__ import annotations

from bot.domain.queue.store import QueueLimits
from bot.errors import AdmissionError, QueueFull, UserLimitReached


def refusal(limits: QueueLimits, *, total: int, mine: int) -> AdmissionError | None:
    """Why a person with ``mine`` questions waiting may not add one to a line of ``total``; None: they may.

    One's own limit comes first: it is what the person can do something about.
    """
    if mine >= limits.per_user:
        return UserLimitReached(count=mine, limit=limits.per_user)
    if total >= limits.total:
        return QueueFull(count=total, limit=limits.total)
    return None
