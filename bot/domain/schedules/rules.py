"""When a schedule is due: every so many seconds, or at certain times of certain days."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from bot.domain.schedules.wall import moment_of, wall_of

DAY_MINUTES = 24 * 60
MOST_DAYS = 9 * 366
"""Days that are looked through for the next time: a 29 February may be more than eight years away."""


@dataclass(frozen=True, slots=True)
class Every:
    """Every so many ``seconds`` (≥ 1) from the moment at which the schedule was made: changes of clocks do not
    matter."""

    seconds: int

    @property
    def shortest(self) -> int:
        """Seconds between two times, at least."""
        return self.seconds

    def after(self, moment: float, _zone: ZoneInfo, *, since: float) -> float | None:
        """The first time after ``moment``, counted from ``since``. Epoch seconds."""
        passed = max(0, int((moment - since) // self.seconds))
        return since + (passed + 1) * self.seconds


@dataclass(frozen=True, slots=True)
class Calendar:
    """At ``minutes`` of the day (0–1439, at least one), on some ``days`` of the month (1–31), in some ``months``
    (1–12), on some ``weekdays`` (0 is Monday); empty: on all of them. With days and weekdays, either is enough, as
    in cron (IEEE Std 1003.1, crontab). All are in order."""

    minutes: tuple[int, ...]
    days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    weekdays: tuple[int, ...] = ()

    @property
    def shortest(self) -> int:
        """Seconds between two times, at least: as if every day were one of these."""
        gaps = [later - earlier for earlier, later in pairwise(self.minutes)]
        return 60 * min([*gaps, DAY_MINUTES - self.minutes[-1] + self.minutes[0]])

    def after(self, moment: float, zone: ZoneInfo, *, since: float) -> float | None:  # noqa: ARG002  # as of Every
        """The first time after ``moment`` (epoch seconds) in ``zone``; None when there is none in eight years."""
        day = wall_of(moment, zone).replace(hour=0, minute=0, second=0, microsecond=0)
        for _ in range(MOST_DAYS):
            if self._is_one(day):
                for minute in self.minutes:
                    found = moment_of(day + timedelta(minutes=minute), zone)
                    if found > moment:
                        return found
            day += timedelta(days=1)
        return None

    def _is_one(self, day: datetime) -> bool:
        if self.months and day.month not in self.months:
            return False
        if self.days and self.weekdays:
            return day.day in self.days or day.weekday() in self.weekdays
        return (not self.days or day.day in self.days) and (not self.weekdays or day.weekday() in self.weekdays)


Rule = Every | Calendar


def stored(rule: Rule) -> str:
    """The rule as it is stored: it means the same whatever words are understood later."""
    return json.dumps(asdict(rule), separators=(",", ":"))


def read(text: str) -> Rule:
    """The rule that :func:`stored` made this text of."""
    kept = json.loads(text)
    if "seconds" in kept:
        return Every(**kept)
    return Calendar(**{name: tuple(values) for name, values in kept.items()})
