"""How much may wait in the queue."""

from __future__ import annotations

import pytest

from bot.domain.queue.store import QueueLimits
from bot.errors import QueueFull, UserLimitReached


def test_the_persons_own_limit_is_reported_before_the_queues() -> None:
    """They can do something about their own."""
    limits = QueueLimits(per_user=2, total=3)

    limits.require_room(total=2, mine=1)
    with pytest.raises(QueueFull) as full:
        limits.require_room(total=3, mine=1)
    assert full.value.params == {"count": 3, "limit": 3}
    with pytest.raises(UserLimitReached) as reached:
        limits.require_room(total=5, mine=4)
    assert reached.value.params == {"count": 4, "limit": 2}
    with pytest.raises(UserLimitReached):
        limits.require_room(total=3, mine=2)
