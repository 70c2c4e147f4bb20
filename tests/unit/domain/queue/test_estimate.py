"""How long a question waits in the queue."""

from __future__ import annotations

import math
import statistics
from itertools import accumulate

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain.queue.estimate import CAUTION, REMEMBERED, ROUNDS, Throughput, estimate_wait


@pytest.mark.parametrize(
    ("position", "capacity", "since_taken", "free", "held", "expected"),
    [
        (1, 2, [], 2, 0, 0.0),
        (1, 2, [3.0], 1, 0, 0.0),
        (2, 2, [500.0, 3.0], 1, 0, 7.0),
        (1, 2, [6.0, 3.0], 0, 0, 4.0),
        (2, 2, [6.0, 3.0], 0, 0, 7.0),
        (3, 2, [6.0, 3.0], 0, 0, 14.0),
        (1, 1, [500.0], 0, 0, 2.5),
        (1, 4, [2.0, 2.0, 2.0, 2.0], 0, 4, 18.0),
        (5, 4, [2.0, 2.0, 2.0, 2.0], 0, 4, 28.0),
        (1, 2, [], 0, 2, 10.0),
        (1, 2, [3.0, 3.0], 1, 1, 0.0),
        (3, 2, [3.0, 3.0], 1, 0, 10.0),
    ],
)
def test_waits(
    position: int, capacity: int, since_taken: list[float], free: int, held: int, expected: float
) -> None:
    """A free slot takes a question at once, every other one a cycle (10 s) after it took its last one."""
    assert estimate_wait(position, capacity, 10.0, since_taken, free=free, held=held) == expected


def test_nothing_is_promised_without_measurements() -> None:
    """Before the first answer, or on a cluster that can run nothing, there is no estimate."""
    throughput = Throughput()
    assert throughput.wait(1, 0.0, capacity=4, free=0, held=0) is None
    throughput.answered(10.0)
    assert throughput.wait(1, 0.0, capacity=0, free=0, held=0) is None
    assert throughput.wait(1, 0.0, capacity=4, free=0, held=4) == 10.0


def test_positions_count_from_one() -> None:
    """There is no position 0."""
    with pytest.raises(ValueError, match="from 1"):
        estimate_wait(0, 4, 10.0, [], free=0, held=0)


@given(
    st.integers(1, 50),
    st.integers(1, 8),
    st.floats(0.1, 100),
    st.lists(st.floats(0, 300), max_size=10),
    st.integers(-2, 8),
    st.integers(0, 8),
)
def test_later_positions_never_wait_less(
    position: int, capacity: int, cycle: float, since_taken: list[float], free: int, held: int
) -> None:
    """A position further back cannot come earlier."""
    free = min(free, capacity)
    here = estimate_wait(position, capacity, cycle, since_taken, free=free, held=held)
    behind = estimate_wait(position + 1, capacity, cycle, since_taken, free=free, held=held)
    assert 0 <= here <= behind + 1e-9


def saturated(throughput: Throughput, start: float, cycle: float, rounds: int, *, capacity: int) -> float:
    """Let every slot take a question at ``start`` and each ``cycle`` after; returns the last moment."""
    throughput.saturated(start, is_saturated=True)
    for number in range(rounds):
        for _ in range(capacity):
            throughput.taken(start + number * cycle, capacity=capacity)
    return start + (rounds - 1) * cycle


def test_p12_the_cycle_is_what_the_cluster_shows_and_not_what_answers_take() -> None:
    """Answers take a second, but the slots are free for the next only after ten."""
    throughput = Throughput()
    throughput.answered(1.0)
    assert throughput.cycle() == 1.0
    saturated(throughput, 0.0, 10.0, 3, capacity=4)
    assert throughput.cycle() == 10.0


def test_p12_an_idle_moment_is_no_part_of_a_cycle() -> None:
    """Slots waited for questions: the next burst begins with the cycle of the one before."""
    throughput = Throughput()
    throughput.answered(1.0)
    saturated(throughput, 0.0, 10.0, 3, capacity=4)
    throughput.saturated(30.0, is_saturated=False)
    throughput.taken(3000.0, capacity=4)
    throughput.saturated(3000.0, is_saturated=True)
    throughput.taken(3000.1, capacity=4)
    assert throughput.cycle() == 10.0
    saturated(throughput, 4000.0, 2.0, 3, capacity=4)
    assert throughput.cycle() != 10.0


def test_p12_questions_that_wait_without_any_being_taken_stretch_the_estimate() -> None:
    """For 8 s no slot has taken one: a cycle takes at least that long, whatever answers took before."""
    throughput = Throughput()
    throughput.answered(1.0)
    saturated(throughput, 100.0, 1.0, 1, capacity=4)
    assert throughput.wait(1, 108.0, capacity=4, free=0, held=4) == 2.0 + 8.0
    assert throughput.wait(1, 108.0, capacity=4, free=0, held=0) == 0.25


@given(
    capacity=st.integers(1, 12),
    cycle=st.floats(0.5, 60),
    position=st.integers(1, 40),
    rounds=st.integers(3, 6),
)
def test_p12_on_a_steady_cluster_the_estimate_is_the_wait(
    capacity: int, cycle: float, position: int, rounds: int
) -> None:
    """Whatever its capacity and its cycle, and however many wait."""
    throughput = Throughput()
    now = saturated(throughput, 50.0, cycle, rounds, capacity=capacity)
    wait = throughput.wait(position, now, capacity=capacity, free=0, held=0)
    assert wait is not None
    truth = cycle * (1 + (position - 1) // capacity)
    assert abs(wait - truth) < 1e-6 * truth


@given(st.lists(st.floats(0.1, 60), min_size=2, max_size=24), st.integers(1, 4))
def test_a_cycle_is_the_mean_of_the_measured_ones_with_a_part_of_their_spread(
    gaps: list[float], capacity: int
) -> None:
    """All measurements count alike, as long as there are no more of them than are remembered."""
    takings = list(accumulate(gaps))
    cycles = [later - earlier for earlier, later in zip(takings, takings[capacity:], strict=False)]
    assume(0 < len(cycles) <= ROUNDS * capacity)
    throughput = Throughput()
    throughput.saturated(takings[0], is_saturated=True)
    for taking in takings:
        throughput.taken(taking, capacity=capacity)
    expected = statistics.fmean(cycles) + CAUTION * statistics.pstdev(cycles)
    cycle = throughput.cycle()
    assert cycle is not None
    assert math.isclose(cycle, expected, rel_tol=1e-6)


def test_the_last_rounds_count_most() -> None:
    """The mean of the first five answers; each one after that is a fifth of it."""
    throughput = Throughput()
    means = []
    for seconds in (10.0, 20.0, 30.0, 40.0, 50.0, 80.0):
        throughput.answered(seconds)
        means.append(throughput.cycle())
    assert means == pytest.approx([10.0, 15.0, 20.0, 25.0, 30.0, 40.0])


def test_questions_wait_for_the_newest_taking_or_since_every_slot_is_used() -> None:
    """What is later: slots that were free before took none because there was none."""
    throughput = Throughput()
    throughput.answered(1.0)
    for taking in (100.0, 101.0, 102.0, 103.0):
        throughput.taken(taking, capacity=4)
    throughput.saturated(95.0, is_saturated=True)
    assert throughput.wait(1, 111.0, capacity=4, free=0, held=4) == 2.0 + 8.0
    throughput.saturated(112.0, is_saturated=False)
    throughput.saturated(150.0, is_saturated=True)
    assert throughput.wait(1, 154.0, capacity=4, free=0, held=4) == 1.0 + 4.0
    assert throughput.wait(1, 154.0, capacity=4, free=1, held=4) == 0.0


def test_takings_are_remembered_within_a_bound() -> None:
    """The bot runs for months."""
    throughput = Throughput()
    for number in range(REMEMBERED + 10):
        throughput.taken(float(number), capacity=1)
    assert len(throughput._takings) == REMEMBERED
