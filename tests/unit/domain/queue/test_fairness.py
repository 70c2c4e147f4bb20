"""The arithmetic of the fair queue."""

from __future__ import annotations

import pytest

from bot.domain.queue import fairness
from bot.domain.queue.fairness import Waiting


def waiting(sequence: int, *, cost: float = 10, floor: float = 0, tag: float = 0, charge: float = 0) -> Waiting:
    return Waiting(sequence, cost=cost, weight=1.0, floor=floor, tag=tag, charge=charge)


def test_work_counts_generated_tokens_more_than_read_ones() -> None:
    """A generated token costs four times as much as a read one, and no question is free."""
    assert fairness.work(400, 100) == 200
    assert fairness.work(0, 0) == fairness.LEAST_WORK


def test_charges_are_cost_by_weight() -> None:
    """Twice the weight, half the charge."""
    assert fairness.charge(100, 2) == 50


@pytest.mark.parametrize(("cost", "weight"), [(0, 1), (1, 0), (-1, 1), (1, -1)])
def test_nothing_is_free(cost: float, weight: float) -> None:
    """A cost or weight that would stop virtual time is a programming error."""
    with pytest.raises(ValueError, match="positive"):
        fairness.charge(cost, weight)


def test_a_newcomer_starts_level() -> None:
    """No question starts before virtual time, nor before what its asker asked earlier."""
    assert fairness.start_tag(30, None) == 30
    assert fairness.start_tag(30, 20) == 30
    assert fairness.start_tag(30, 45) == 45


def test_virtual_time_never_goes_back() -> None:
    """It follows the tags served, and passes every account when the queue is idle."""
    assert fairness.advanced(30, 20) == 30
    assert fairness.advanced(30, 45) == 45
    assert fairness.caught_up(30, []) == 30
    assert fairness.caught_up(30, [10, 70]) == 70


def test_the_chain_follows_the_account() -> None:
    """Each question starts where the one before it ends, in the order in which they were asked."""
    tags = fairness.chain(100, [waiting(3), waiting(1), waiting(2, cost=5)])

    assert tags == {1: 100, 2: 110, 3: 115}


def test_the_chain_respects_when_a_question_was_asked() -> None:
    """A question asked after a pause does not profit from the time before it."""
    assert fairness.chain(100, [waiting(1), waiting(2, floor=500), waiting(3)]) == {1: 100, 2: 500, 3: 510}


def test_a_charged_question_stays_in_front() -> None:
    """What ran once and was put back keeps its tag, and moves up when the account shrinks below it."""
    back = waiting(1, tag=40, charge=10)

    assert fairness.chain(100, [back, waiting(2)]) == {1: 40, 2: 100}
    assert fairness.chain(20, [back, waiting(2)]) == {1: 10, 2: 20}
    assert fairness.chain(None, [back]) == {1: 40}
    assert fairness.chain(100, [waiting(1, tag=40, charge=0.5)]) == {1: 40}, "a heavy person is charged little"
