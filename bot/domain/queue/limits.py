"""Whether one more question may join the queue."""

from __future__ import annotations

from bot.domain.queue.store import QueueLimits
from bot.errors import AdmissionError, QueueFull, UserLimitReached


def refusal(limits: QueueLimits, *, total: int, mine: int) -> AdmissionError | None:
    """The reason why a person with ``mine`` waiting questions may not add one to a queue of ``total``; None when
    they may.

    The person's own limit is checked first, because that is the one they can do something about.
    """
    if mine >= limits.per_user:
        return UserLimitReached(count=mine, limit=limits.per_user)
    if total >= limits.total:
        return QueueFull(count=total, limit=limits.total)
    return None
