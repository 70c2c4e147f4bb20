"""How many requests may be in flight."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.queue.capacity import LATE_SECONDS, QUIET_SECONDS, CapacityLimit


def saturate(capacity: CapacityLimit, successes: int, now: float = 0.0) -> None:
    for _ in range(successes):
        capacity.succeeded(now, in_flight=capacity.limit(now))


@pytest.mark.parametrize(
    ("says", "reserve", "limit"), [(4, 0, 4), (4, 1, 3), (4, 9, 1), (1, 1, 1), (0, 0, 0), (0, 2, 0)]
)
def test_known_capacity(says: int, reserve: int, limit: int) -> None:
    """The limit is the reported number less the reserve, at least one, or none when the cluster can run none."""
    capacity = CapacityLimit(reserve=reserve)

    capacity.status(says)

    assert capacity.limit(0.0) == limit


def test_known_capacity_is_not_learned_away() -> None:
    """A refusal in spite of a reported capacity comes from other users' load, and only backing off helps."""
    capacity = CapacityLimit()
    capacity.status(4)

    capacity.refused(1.0, sent_at=0.0)
    saturate(capacity, 10)

    assert capacity.limit(2.0) == 4


def test_it_seeks_until_one_has_to_wait() -> None:
    """Each request taken at once while all slots are used allows one more, until one is held."""
    capacity = CapacityLimit(first=2)

    saturate(capacity, 3)
    assert capacity.limit(0.0) == 5
    for _ in range(50):
        capacity.succeeded(0.0, in_flight=5, held=1)
    assert capacity.limit(0.0) == 5


def test_additive_increase_while_saturated() -> None:
    """After one had to wait: one more per round of successes while every slot is used."""
    capacity = CapacityLimit(first=2)
    capacity.succeeded(0.0, in_flight=2, waited=LATE_SECONDS + 3)

    saturate(capacity, 2)
    assert capacity.limit(0.0) == 2
    saturate(capacity, 1)
    assert capacity.limit(0.0) == 3
    for _ in range(50):
        capacity.succeeded(0.0, in_flight=1)
    assert capacity.limit(0.0) == 3


def test_late_headers_are_no_reason_for_more() -> None:
    """A request that the cluster held shows that it was full."""
    capacity = CapacityLimit(first=3)

    for _ in range(50):
        capacity.succeeded(0.0, in_flight=3, waited=LATE_SECONDS + 3)

    assert capacity.limit(0.0) == 3


def test_one_decrease_per_episode() -> None:
    """Five refusals of requests sent together decrease the limit once."""
    capacity = CapacityLimit(first=8)

    for second in range(5):
        capacity.refused(96.0 + second, sent_at=float(second))
    assert capacity.limit(100.0) == 6
    capacity.refused(200.0, sent_at=101.0)
    assert capacity.limit(200.0) == 4


def test_it_does_not_climb_back_to_what_was_refused() -> None:
    """Five were refused once, so the limit stays at four."""
    capacity = CapacityLimit(first=5)
    capacity.refused(10.0, sent_at=0.0)
    assert capacity.limit(10.0) == 3

    saturate(capacity, 100, now=11.0)

    assert capacity.limit(11.0) == 4


def test_one_more_is_tried_after_a_quiet_minute() -> None:
    """The cluster may have grown: one more is tried, and another after the next quiet minute."""
    capacity = CapacityLimit(first=5)
    capacity.refused(0.0, sent_at=-1.0)
    saturate(capacity, 100, now=1.0)
    later = QUIET_SECONDS + 1.0

    assert capacity.limit(later) == 5
    saturate(capacity, 100, now=later)
    assert capacity.limit(later) == 5
    assert capacity.limit(later + QUIET_SECONDS) == 6


def test_a_try_that_is_refused_takes_nothing_from_what_worked() -> None:
    """Four work and a fifth does not, also when it is tried again a minute later: four it stays."""
    capacity = CapacityLimit(first=5)
    capacity.refused(0.0, sent_at=-1.0)
    for minute in range(1, 4):
        now = minute * (QUIET_SECONDS + 1.0)
        saturate(capacity, 100, now=now - QUIET_SECONDS)
        assert capacity.limit(now - 30.0) == 4
        assert capacity.limit(now) == 5
        capacity.refused(now, sent_at=now)


def test_after_a_refusal_it_grows_slowly() -> None:
    """One more per round, as it does not seek any more."""
    capacity = CapacityLimit(first=8)
    capacity.refused(1.0, sent_at=0.0)
    saturate(capacity, 1, now=1.0)
    assert capacity.limit(1.0) == 6
    saturate(capacity, 6, now=1.0)
    assert capacity.limit(1.0) == 7


def test_a_cluster_that_takes_one_at_a_time_is_asked_one_at_a_time() -> None:
    """Two were refused, so one is left, whatever succeeds; a refusal of that one leaves it too."""
    capacity = CapacityLimit(first=2)
    capacity.refused(1.0, sent_at=0.0)
    assert capacity.limit(1.0) == 1
    saturate(capacity, 100, now=1.0)
    assert capacity.limit(1.0) == 1
    capacity.refused(3.0, sent_at=2.0)
    saturate(capacity, 100, now=3.0)
    assert capacity.limit(3.0) == 1


def test_what_was_sent_before_the_decrease_belongs_to_it() -> None:
    """Also what was sent at the same moment."""
    capacity = CapacityLimit(first=8)
    capacity.refused(10.0, sent_at=0.0)
    capacity.refused(11.0, sent_at=10.0)
    assert capacity.limit(11.0) == 6


def test_headers_are_late_only_beyond_the_bound() -> None:
    """At the bound a request counts as taken at once."""
    capacity = CapacityLimit(first=3)
    capacity.succeeded(0.0, in_flight=3, waited=LATE_SECONDS)
    assert capacity.limit(0.0) == 4


def test_a_status_without_the_number_means_learning() -> None:
    """Learning goes on from where it was before the cluster reported its capacity."""
    capacity = CapacityLimit(first=2)
    capacity.status(50)
    capacity.status(None)

    assert capacity.limit(0.0) == 2


def test_it_begins_with_two_and_learns_up_to_256() -> None:
    """Unless something else is set."""
    capacity = CapacityLimit()
    assert capacity.limit(0.0) == 2
    saturate(capacity, 300)
    assert capacity.limit(0.0) == 256


@given(
    st.lists(st.tuples(st.sampled_from(["success", "refused"]), st.floats(0, 90), st.floats(0, 10))),
    st.integers(1, 8),
)
def test_learned_capacity_stays_within_bounds(steps: list[tuple[str, float, float]], first: int) -> None:
    """There is always at least one slot, and never more than the bound."""
    capacity = CapacityLimit(first=first, most=8)
    now = 0.0
    for kind, passed, waited in steps:
        now += passed
        if kind == "success":
            capacity.succeeded(now, in_flight=capacity.limit(now), waited=waited)
        else:
            capacity.refused(now, sent_at=now - waited)
        assert 1 <= capacity.limit(now) <= 8


@pytest.mark.parametrize(("reserve", "first", "most"), [(-1, 1, 1), (0, 0, 1), (0, 3, 2)])
def test_impossible_capacities_are_refused(reserve: int, first: int, most: int) -> None:
    """A mistake in a setting is an error at once."""
    with pytest.raises(ValueError, match="reserve"):
        CapacityLimit(reserve=reserve, first=first, most=most)
