"""From the time that a clock on a wall shows to the moment: days on which clocks are changed included."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo


def wall_of(moment: float, zone: ZoneInfo) -> datetime:
    """What a clock in ``zone`` shows at ``moment`` (epoch seconds), without a zone."""
    return datetime.fromtimestamp(moment, zone).replace(tzinfo=None, fold=0)


def moment_of(wall: datetime, zone: ZoneInfo) -> float:
    """The moment (epoch seconds) at which a clock in ``zone`` shows ``wall``, which has no zone.

    Of a time that it shows twice, the first moment; for one that it never shows, because clocks jump over it, the
    moment to which they jump. So a later ``wall`` never has an earlier moment. How ``fold`` tells the offsets
    before and after a change: PEP 495.
    """
    before = wall.replace(tzinfo=zone, fold=0).timestamp()
    if wall_of(before, zone) == wall:
        return before
    # Clocks jump between these two; within them what they show only rises.
    earliest, latest = int(wall.replace(tzinfo=zone, fold=1).timestamp()), int(before) + 1
    while earliest < latest:
        middle = (earliest + latest) // 2
        if wall_of(middle, zone) > wall:
            latest = middle
        else:
            earliest = middle + 1
    return float(latest)
