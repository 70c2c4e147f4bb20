"""Invalid answers over ten minutes, and what may be sent meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.discord_calls.brake import CUTS_OFF, HOLDS_BACK, WINDOW, InvalidAnswers, Level
from bot.domain.discord_calls.priority import CallPriority

DISCORD_BANS = 10_000


def after(count: int, at: float = 0.0) -> InvalidAnswers:
    """So many invalid answers at one moment."""
    answers = InvalidAnswers()
    for _ in range(count):
        answers.count(429, at)
    return answers


@pytest.mark.parametrize(
    ("count", "level"),
    [
        (0, Level.OPEN),
        (HOLDS_BACK - 1, Level.OPEN),
        (HOLDS_BACK, Level.HELD_BACK),
        (CUTS_OFF - 1, Level.HELD_BACK),
        (CUTS_OFF, Level.CUT_OFF),
        (DISCORD_BANS, Level.CUT_OFF),
    ],
)
def test_the_level_rises_with_the_count(count: int, level: Level) -> None:
    """Long before Discord bans."""
    assert after(count).level(0.0) is level


@pytest.mark.parametrize(
    ("status", "scope", "counts"),
    [
        *((status, "", True) for status in (401, 403, 404, 429)),
        (429, "user", True),
        (429, "global", True),
        (429, "shared", False),
        *((status, "", False) for status in (200, 204, 400, 500, 503)),
    ],
)
def test_what_counts(status: int, scope: str, counts: bool) -> None:
    """A shared 429 is not our fault; a server error is Discord's."""
    answers = InvalidAnswers()
    assert answers.count(status, 0.0, scope=scope) is counts
    assert answers.within(0.0) == int(counts)


def test_it_eases_by_itself() -> None:
    """Level by level, at the times that it announced."""
    answers = after(HOLDS_BACK, at=0.0)
    for _ in range(CUTS_OFF - HOLDS_BACK):
        answers.count(403, 60.0)

    assert answers.level(60.0) is Level.CUT_OFF
    assert answers.eases_at(60.0) == WINDOW
    assert answers.level(WINDOW) is Level.HELD_BACK
    assert answers.eases_at(WINDOW) == 60.0 + WINDOW
    assert answers.level(60.0 + WINDOW) is Level.OPEN
    assert answers.eases_at(60.0 + WINDOW) is None


@given(st.lists(st.floats(0.0, 3 * WINDOW), max_size=200), st.floats(0.0, 4 * WINDOW))
def test_only_the_last_ten_minutes_count(times: Sequence[float], later: float) -> None:
    """Whenever the answers came."""
    answers, now = InvalidAnswers(), max((*times, later))
    for at in sorted(times):
        answers.count(404, at)
    assert answers.within(now) == sum(now - at < WINDOW for at in times)


def test_what_each_level_permits() -> None:
    """At the first level last states and answers to people, at the second what operators need."""
    anywhere = {
        level: {priority for priority in CallPriority if level.permits(priority, interaction=False)}
        for level in Level
    }
    assert anywhere == {
        Level.OPEN: set(CallPriority),
        Level.HELD_BACK: {CallPriority.OPERATORS, CallPriority.LAST},
        Level.CUT_OFF: {CallPriority.OPERATORS},
    }
    to_interactions = {
        priority for priority in CallPriority if Level.HELD_BACK.permits(priority, interaction=True)
    }
    assert to_interactions == {CallPriority.OPERATORS, CallPriority.LAST, CallPriority.OTHER}
    assert not Level.CUT_OFF.permits(CallPriority.OTHER, interaction=True)


@pytest.mark.parametrize("sharers", [2, 3, 7, 2 * CUTS_OFF])
def test_of_several_processes_each_bears_an_even_part(sharers: int) -> None:
    """Discord counts those of all that come from one address. One invalid answer alone holds nobody back for
    ever."""
    held_back, cut_off = max(1, HOLDS_BACK // sharers), max(1, CUTS_OFF // sharers)
    answers = InvalidAnswers()
    answers.sharers = sharers
    assert answers.level(0.0) is Level.OPEN
    assert answers.eases_at(0.0) is None
    for count in range(1, cut_off + 1):
        answers.count(403, 0.0)
        expected = Level.CUT_OFF if count >= cut_off else Level.HELD_BACK if count >= held_back else Level.OPEN
        assert answers.level(0.0) is expected
    assert answers.eases_at(0.0) == WINDOW
    assert answers.level(WINDOW) is Level.OPEN


def test_when_the_others_have_ended_one_process_may_bear_everything() -> None:
    """It is told how many there are at each look."""
    answers = after(HOLDS_BACK // 2)
    answers.sharers = 2
    assert answers.level(0.0) is Level.HELD_BACK
    answers.sharers = 1
    assert answers.level(0.0) is Level.OPEN
