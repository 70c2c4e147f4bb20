"""How long a question waits in the queue."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.queue.estimate import ServiceTimes, estimate_wait


@pytest.mark.parametrize(
    ("position", "capacity", "running", "expected"),
    [
        (1, 2, [], 0.0),
        (1, 2, [3.0], 0.0),
        (2, 2, [3.0], 7.0),
        (1, 2, [3.0, 6.0], 4.0),
        (2, 2, [3.0, 6.0], 7.0),
        (3, 2, [3.0, 6.0], 14.0),
        (1, 1, [500.0], 2.5),
        (1, 1, [1.0, 5.0], 9.0),
        (2, 1, [1.0, 5.0], 19.0),
    ],
)
def test_waits(position: int, capacity: int, running: list[float], expected: float) -> None:
    """Free slots are taken at once, then each slot takes the next when its answer ends (usually after 10 s)."""
    assert estimate_wait(position, capacity, 10.0, running) == expected


def test_nothing_is_promised_without_measurements() -> None:
    """Before the first answer, or on a cluster that can run nothing, there is no estimate."""
    assert estimate_wait(1, 4, None, []) is None
    assert estimate_wait(1, 0, 10.0, []) is None


def test_places_count_from_one() -> None:
    """There is no position 0."""
    with pytest.raises(ValueError, match="from 1"):
        estimate_wait(0, 4, 10.0, [])


@given(
    st.integers(1, 50),
    st.integers(1, 8),
    st.floats(0.1, 100),
    st.lists(st.floats(0, 300), max_size=10),
)
def test_later_places_never_wait_less(position: int, capacity: int, service: float, running: list[float]) -> None:
    """A position further back cannot come earlier."""
    here = estimate_wait(position, capacity, service, running)
    behind = estimate_wait(position + 1, capacity, service, running)

    assert here is not None
    assert behind is not None
    assert 0 <= here <= behind + 1e-9


def test_service_times_follow_a_change() -> None:
    """The first answer sets the mean, later ones draw it towards them."""
    times = ServiceTimes(share=0.5)
    assert times.seconds is None
    times.observe(10.0)
    assert times.seconds == 10.0
    times.observe(20.0)
    assert times.seconds == 15.0
    with pytest.raises(ValueError, match="share"):
        ServiceTimes(share=0)
