"""When a schedule is due, also on the days on which clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.schedules.rules import Calendar, Every
from bot.domain.schedules.wall import moment_of, wall_of
from bot.domain.schedules.words import read_when

ZONES = sorted(available_timezones())
ODD = ("Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia", "Asia/Kathmandu", "America/St_Johns")
zones = (st.sampled_from(ZONES) | st.sampled_from(ODD)).map(ZoneInfo)
moments = st.integers(
    int(datetime(1990, 1, 1, tzinfo=UTC).timestamp()), int(datetime(2060, 1, 1, tzinfo=UTC).timestamp())
)


def due(when: str, zone: str, since: str, count: int) -> list[str]:
    """The first times after ``since`` (a wall time in ``zone``), as they are in UTC."""
    rule, at = read_when(when), ZoneInfo(zone)
    moment: float | None = datetime.fromisoformat(since).replace(tzinfo=at).timestamp()
    found = []
    for _ in range(count):
        assert moment is not None
        moment = rule.after(moment, at, since=0.0)
        assert moment is not None
        found.append(datetime.fromtimestamp(moment, UTC).strftime("%m-%d %H:%M"))
    return found


@pytest.mark.parametrize(
    ("when", "zone", "since", "expected"),
    [
        # The clock jumps from 2:00 to 3:00: 2:30 is then.
        ("every day 2:30", "Europe/Berlin", "2026-03-28 12:00", ["03-29 01:00", "03-30 00:30"]),
        # 2:30 comes twice: the first one counts.
        ("every day 2:30", "Europe/Berlin", "2026-10-24 12:00", ["10-25 00:30", "10-26 01:30"]),
        ("every day 9:00", "Europe/Berlin", "2026-03-28 12:00", ["03-29 07:00", "03-30 07:00"]),
        # By half an hour.
        ("every day 2:15", "Australia/Lord_Howe", "2026-10-03 12:00", ["10-03 15:30", "10-04 15:15"]),
        ("every day 1:45", "Australia/Lord_Howe", "2026-04-04 12:00", ["04-04 14:45", "04-05 15:15"]),
        # A day that does not exist: its time is the beginning of the next.
        ("every day 9:00", "Pacific/Apia", "2011-12-29 12:00", ["12-30 10:00", "12-30 19:00", "12-31 19:00"]),
        # Clocks are an hour slow in Ramadan.
        ("every day 2:30", "Africa/Casablanca", "2026-02-14 12:00", ["02-15 01:30", "02-16 02:30"]),
        ("every day 2:30", "Africa/Casablanca", "2026-03-21 12:00", ["03-22 02:00", "03-23 01:30"]),
        # What has the interval of a clock keeps it.
        ("every 2 hours", "Europe/Berlin", "2026-03-29 00:30", ["03-29 00:00", "03-29 02:00", "03-29 04:00"]),
        ("0 0 29 2 *", "UTC", "2096-03-01 00:00", ["02-29 00:00"]),
        ("on the 31st 9:00", "UTC", "2026-03-31 12:00", ["05-31 09:00", "07-31 09:00"]),
        ("0 9 13 * fri", "UTC", "2026-11-01 00:00", ["11-06 09:00", "11-13 09:00", "11-20 09:00"]),
    ],
)
def test_the_next_times(when: str, zone: str, since: str, expected: list[str]) -> None:
    assert due(when, zone, since, len(expected)) == expected


def test_what_never_comes_is_never_due() -> None:
    assert read_when("0 9 30 2 *").after(0.0, ZoneInfo("UTC"), since=0.0) is None


@given(zones, moments)
def test_a_moment_is_found_again_by_its_wall_time(zone: ZoneInfo, moment: int) -> None:
    found = moment_of(wall_of(moment, zone), zone)
    # Earlier only when the clock shows this a second time.
    assert found <= moment
    assert wall_of(found, zone) == wall_of(moment, zone)


@given(zones, moments, st.integers(-200_000, 200_000))
def test_a_later_wall_time_is_never_earlier(zone: ZoneInfo, moment: int, seconds: int) -> None:
    one = wall_of(moment, zone)
    other = one + timedelta(seconds=seconds)
    first, second = sorted((one, other))
    assert moment_of(first, zone) <= moment_of(second, zone)


@given(zones, moments, st.lists(st.integers(0, 1439), min_size=1, max_size=4, unique=True))
def test_every_day_has_each_time_once(zone: ZoneInfo, moment: int, minutes: list[int]) -> None:
    rule, at, found = Calendar(tuple(sorted(minutes))), float(moment), []
    for _ in range(12):
        following = rule.after(at, zone, since=0.0)
        assert following is not None
        assert following > at
        at = following
        found.append(at)
    shown = [wall_of(one, zone) for one in found]
    assert all(earlier < later for earlier, later in pairwise(shown))
    for one in shown:
        day = one.replace(hour=0, minute=0, second=0)
        # At one of its times, or where a clock jumps over one.
        assert any(
            moment_of(day + timedelta(days=before, minutes=minute), zone) == moment_of(one, zone)
            for minute in minutes
            for before in (0, -1)
        )


@given(st.integers(900, 100_000), moments, st.integers(0, 10_000_000))
def test_an_interval_is_kept(seconds: int, since: int, passed: int) -> None:
    rule, zone = Every(seconds), ZoneInfo("Europe/Berlin")
    first = rule.after(float(since + passed), zone, since=float(since))
    assert first is not None
    assert since + passed < first <= since + passed + seconds
    assert (first - since) % seconds == 0
