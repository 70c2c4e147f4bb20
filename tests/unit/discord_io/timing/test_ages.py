"""How long ago Discord created an interaction, by clocks that differ."""

from __future__ import annotations

import pytest

from bot.discord_io.first_answer import Ages
from tests.fakes.clocks import HandClock


@pytest.mark.parametrize("difference", [-100.0, -0.5, 0.0])
def test_a_clock_that_is_behind_discords_does_not_make_interactions_younger(difference: float) -> None:
    """After the first one that came quickly, each is as old as it is."""
    clock = HandClock()
    ages = Ages(clock)
    ages.of(clock.now() - difference)
    clock.advance(10.0)
    assert ages.of(clock.now() - difference - 2.5) == pytest.approx(2.5)


def test_a_clock_that_is_ahead_of_discords_is_found_out() -> None:
    """Until then interactions seem older than they are, and are answered early."""
    clock = HandClock()
    ages = Ages(clock)
    assert ages.of(clock.now() - 2.5) == pytest.approx(2.5)
    for _ in range(2 * Ages.BEFORE_REPLACED):
        clock.advance(2 * Ages.REPLACED_AFTER / Ages.BEFORE_REPLACED)
        ages.of(clock.now() - 2.5 - 0.1)
    assert ages.of(clock.now() - 2.5 - 2.0) == pytest.approx(1.9)


def test_a_clock_that_is_minutes_ahead_is_not_believed() -> None:
    """Discord takes no answer after three seconds, so nobody is told at once that it takes longer."""
    clock = HandClock()
    ages = Ages(clock)
    assert [ages.of(clock.now() - 785.0) for _ in range(3)] == [0.0, 0.0, 0.0]


def test_a_burst_that_is_late_as_a_whole_is_late() -> None:
    """Hundreds of late ones within seconds do not become the measure of what is on time."""
    clock = HandClock()
    ages = Ages(clock)
    ages.of(clock.now() - 0.05)
    clock.advance(3600.0)
    late = [ages.of(clock.now() - 2.0) for _ in range(500)]
    assert min(late) >= 1.9
