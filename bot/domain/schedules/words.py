"""Reads when something is to happen, in the words that people use, or as a line of cron."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from bot.domain.schedules.cron import is_cron, read_cron
from bot.domain.schedules.rules import Calendar, Every, Rule
from bot.domain.schedules.vocabulary import LONGEST, VOCABULARY, Meaning, Word

WHEN_LIMIT = 100
"""Characters."""

_SPACE = re.compile(r"[\s,;、,。]+")
_DASHED_WORDS = re.compile(r"(?<=[a-z])-(?=[a-z])")
_TIME = re.compile(
    r"(?P<hour>\d{1,2})(?::|\.|h)(?P<minute>\d{2})(?!\d)\s*(?P<half>am|pm|a\.m\.|p\.m\.)?(?:\s*(?:uhr|h)\b)?"
    r"|(?P<hour_2>\d{1,2})\s*(?P<half_2>am|pm|a\.m\.|p\.m\.|uhr)(?![a-z])"
    r"|(?P<hour_3>\d{1,2})\s*[時时点點](?!間)(?:\s*(?P<minute_3>\d{1,2})\s*分?|(?P<half_hour>半))?"
)
_DAY_OF_MONTH = re.compile(r"(\d{1,2})(?:(?:st|nd|rd|th)(?![a-z])|\.(?!\d)|[º°日号號])")
_NUMBER = re.compile(r"\d{1,4}")


@dataclass(slots=True)
class _Said:
    """What has been read so far."""

    minutes: set[int] = field(default_factory=set)
    days: set[int] = field(default_factory=set)
    weekdays: set[int] = field(default_factory=set)
    kinds: set[Word] = field(default_factory=set)
    seconds: int | None = None
    number: int | None = None
    half: int | None = None
    before: Word | None = None
    last_weekday: int | None = None


def read_when(text: str) -> Rule:
    """What somebody means by ``text``, of which :data:`WHEN_LIMIT` characters are read.

    Understood are times of the day with days of the week, days of the month or every day; intervals in hours and
    minutes; and five fields of cron. Raises :class:`ValueError` for everything else: nothing is guessed.
    """
    said_as = unicodedata.normalize("NFKC", text[:WHEN_LIMIT]).strip()
    if is_cron(said_as):
        return read_cron(said_as)
    rest, said = _DASHED_WORDS.sub(" - ", said_as.lower()), _Said()
    while rest := _SPACE.sub("", rest, count=1) if _SPACE.match(rest) else rest:
        rest = rest[_read_one(rest, said) :]
    return _rule(said)


def _read_one(rest: str, said: _Said) -> int:
    """Read what comes next; returns how many characters that was."""
    if matched := _TIME.match(rest):
        _add_time(said, matched)
        return matched.end()
    if (matched := _DAY_OF_MONTH.match(rest)) and said.number is None:
        said.days.add(int(matched[1]))
        said.before = None
        return matched.end()
    if matched := _NUMBER.match(rest):
        _add_number(said, int(matched[0]))
        return matched.end()
    for length in range(min(LONGEST, len(rest)), 0, -1):
        word, after = rest[:length], rest[length : length + 1]
        if word in VOCABULARY and not (_is_latin(word[-1]) and _is_latin(after)):
            _add_word(said, VOCABULARY[word])
            return length
    raise ValueError(f"not understood: {rest[:20]}")


def _is_latin(character: str) -> bool:
    return character.isalpha() and ord(character) < 0x250


def _add_time(said: _Said, matched: re.Match[str]) -> None:
    found = matched.groupdict()
    hour = int(found["hour"] or found["hour_2"] or found["hour_3"])
    minute = 30 if found["half_hour"] else int(found["minute"] or found["minute_3"] or 0)
    half = (found["half"] or found["half_2"] or "").replace(".", "")
    if half in {"am", "pm"}:
        said.half = 12 if half == "pm" else 0
    if said.half is not None:
        if not 1 <= hour <= 12:
            raise ValueError(f"no hour of a half day: {hour}")
        hour, said.half = hour % 12 + said.half, None
    _add_minute(said, hour, minute)


def _add_minute(said: _Said, hour: int, minute: int) -> None:
    if hour > 23 or minute > 59:
        raise ValueError(f"no time of a day: {hour}:{minute}")
    said.minutes.add(hour * 60 + minute)
    said.before = None


def _add_number(said: _Said, number: int) -> None:
    if said.before is Word.AT:
        _add_minute(said, number, 0)
    elif said.before in {Word.DAY, Word.MONTH}:
        said.kinds.discard(Word.DAY)
        said.days.add(number)
        said.before = None
    elif said.number is not None or said.seconds is not None:
        raise ValueError("a second number")
    else:
        said.number = number


def _add_word(said: _Said, meaning: Meaning) -> None:
    word, numbers = meaning
    if word is Word.UNIT:
        if said.seconds is not None:
            raise ValueError("two intervals")
        said.seconds = numbers[0] * (1 if said.number is None else said.number)
        said.number = None
    elif word is Word.TIME:
        said.minutes.update(numbers)
    elif word is Word.HALF:
        said.half = numbers[0]
    elif word is Word.WEEKDAYS:
        _add_weekdays(said, numbers)
    elif word is not Word.NOISE:
        said.kinds.add(word)
    if word is not Word.NOISE:
        said.before = word


def _add_weekdays(said: _Said, numbers: tuple[int, ...]) -> None:
    if Word.TO in said.kinds:
        if said.last_weekday is None or len(numbers) > 1:
            raise ValueError("no range of days")
        span = (numbers[0] - said.last_weekday) % 7
        said.weekdays.update((said.last_weekday + step) % 7 for step in range(span + 1))
        said.kinds.discard(Word.TO)
    said.weekdays.update(numbers)
    said.last_weekday = numbers[0] if len(numbers) == 1 else None


def _rule(said: _Said) -> Rule:
    if said.number is not None and said.minutes and not said.days:
        # As in "on the 1 at nine".
        said.days.add(said.number)
        said.number = None
    if said.number is not None or said.half is not None or Word.TO in said.kinds:
        raise ValueError("something is missing")
    if said.seconds is not None:
        if said.minutes or said.days or said.weekdays or said.kinds or said.seconds < 1:
            raise ValueError("an interval and something else")
        return Every(said.seconds)
    is_weekly, is_monthly = bool(said.weekdays), bool(said.days)
    # "weekday" alone in a language that says "day of work" names the day too.
    kinds = said.kinds - {Word.AT}
    wanted = {Word.WEEK} if is_weekly else {Word.MONTH} if is_monthly else {Word.DAY}
    if not said.minutes or (is_weekly and is_monthly) or not kinds <= wanted:
        raise ValueError("no times of days")
    if not (is_weekly or is_monthly) and Word.DAY not in kinds:
        raise ValueError("no days")
    if not all(1 <= day <= 31 for day in said.days):
        raise ValueError("no day of a month")
    return Calendar(tuple(sorted(said.minutes)), tuple(sorted(said.days)), (), tuple(sorted(said.weekdays)))
