"""Lines of cron: five fields (IEEE Std 1003.1, crontab), with the names and steps that cron programs take too."""

from __future__ import annotations

import re

from bot.domain.schedules.rules import Calendar

_FIELD = re.compile(r"[0-9a-z*/,-]{1,80}", re.ASCII)
_PART = re.compile(r"(?:\*|([0-9a-z]{1,3})(?:-([0-9a-z]{1,3}))?)(?:/([0-9]{1,4}))?", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def is_cron(text: str) -> bool:
    """Whether ``text`` has the form of a line of cron: five fields, of which the first has no letter."""
    fields = text.lower().split()
    return len(fields) == 5 and all(map(_FIELD.fullmatch, fields)) and not re.search("[a-z]", fields[0])


def read_cron(text: str) -> Calendar:
    """What a line of cron says. Raises :class:`ValueError` when a field has a value that it cannot have."""
    minutes, hours, days, months, weekdays = text.lower().split()
    at_minutes, at_hours = _values(minutes, 0, 59), _values(hours, 0, 23)
    # Sunday is 0 and 7.
    of_week = sorted({(day - 1) % 7 for day in _values(weekdays, 0, 7, _WEEKDAYS)})
    return Calendar(
        tuple(hour * 60 + minute for hour in at_hours for minute in at_minutes),
        _unless_all(_values(days, 1, 31), 31),
        _unless_all(_values(months, 1, 12, _MONTHS), 12),
        _unless_all(tuple(of_week), 7),
    )


def _unless_all(values: tuple[int, ...], count: int) -> tuple[int, ...]:
    return () if len(values) == count else values


def _values(field: str, low: int, high: int, names: tuple[str, ...] = ()) -> tuple[int, ...]:
    found: set[int] = set()
    for part in field.split(","):
        matched = _PART.fullmatch(part)
        if matched is None:
            raise ValueError(f"no field of cron: {part}")
        first, last, step = matched.groups()
        start = low if first is None else _number(first, low, high, names)
        # A step after one value goes on to the end.
        open_end = first is None or (last is None and step is not None)
        end = high if open_end else _number(last or first or "", low, high, names)
        if end < start or step == "0" * len(step or ""):
            raise ValueError(f"no values: {part}")
        found.update(range(start, end + 1, int(step or 1)))
    return tuple(sorted(found))


def _number(text: str, low: int, high: int, names: tuple[str, ...]) -> int:
    number = names.index(text) + low if text in names else int(text) if text.isdigit() else -1
    if not low <= number <= high:
        raise ValueError(f"not from {low} to {high}: {text}")
    return number
