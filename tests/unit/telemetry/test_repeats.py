"""Frequent events are logged rarely."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.telemetry.repeats import KINDS, Repeats


def test_each_kind_has_its_own_turn() -> None:
    """The next event that is logged says how many were left out."""
    repeats = Repeats(most=2, every=60.0)
    assert [repeats.due("a", at) for at in (0.0, 1.0, 2.0, 3.0)] == [0, 0, None, None]
    assert repeats.due("b", 3.0) == 0
    assert [repeats.due("a", at) for at in (60.0, 61.0, 62.0)] == [2, 0, None]


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0.0, 50.0)), max_size=60), st.integers(1, 3))
def test_nothing_is_lost_from_the_count(happened: list[tuple[int, float]], most: int) -> None:
    """Said or unsaid: every time is in one of the two, and no window has more than it may."""
    repeats, now, said, unsaid = Repeats(most=most, every=60.0), 0.0, 0, 0
    for kind, gap in happened:
        now += gap
        count = repeats.due(kind, now)
        said, unsaid = (said, unsaid) if count is None else (said + 1, unsaid + count)
    left = sum(window.unsaid for window in repeats._windows.values())
    assert said + unsaid + left == len(happened)
    assert all(window.said <= most for window in repeats._windows.values())


def test_kinds_that_a_peer_invents_fill_no_memory() -> None:
    """Beyond the limit, all kinds are forgotten together."""
    repeats = Repeats()
    for number in range(10 * KINDS):
        assert repeats.due(number, 0.0) == 0
    assert len(repeats._windows) <= KINDS
