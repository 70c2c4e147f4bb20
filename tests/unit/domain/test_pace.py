"""How fast an answer comes, and when it is silent."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.pace import SILENT_AFTER, Pace

GAPS = st.lists(st.floats(0.01, 3 * SILENT_AFTER), min_size=1, max_size=30)


@given(GAPS)
def test_silence_and_writing_make_up_the_time(gaps: list[float]) -> None:
    """The speed is that of the pieces that did not come after a silence."""
    pace, now = Pace(), 100.0
    pace.came(now)
    for gap in gaps:
        now += gap
        pace.came(now)
    assert abs(pace.seconds + pace.silence - (now - 100.0)) < 1e-6
    written = [gap for gap in gaps if gap < SILENT_AFTER - 1e-6]
    assert (pace.speed is None) == (not written) or min(abs(gap - SILENT_AFTER) for gap in gaps) < 1e-6
    assert pace.silent_for(now) is None


def test_nothing_is_silent_before_it_began() -> None:
    """Until the first piece the question is held, or read."""
    pace = Pace()
    assert (pace.silent_for(1000.0), pace.speed) == (None, None)
    pace.came(1000.0)
    assert pace.silent_for(1000.0 + SILENT_AFTER) == SILENT_AFTER
