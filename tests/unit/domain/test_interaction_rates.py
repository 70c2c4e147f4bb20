"""The limits of one person's commands, messages and presses."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.interaction_rates import MOST_PEOPLE, InteractionRates, PersonRates, RateLimit, Sent
from tests.fakes.clocks import HandClock

LIMIT = RateLimit(10, 1.0)


def test_a_burst_and_then_one_a_second() -> None:
    """A refused action does not count, so nobody is locked out by trying too often."""
    rates = PersonRates(LIMIT)
    assert [rates.take(1, 1e6) for _ in range(800)].count(True) == 10
    assert not rates.take(1, 1e6 + 0.9)
    assert [rates.take(1, 1e6 + 1.0) for _ in range(5)].count(True) == 1
    assert [rates.take(1, 1e6 + 60.0) for _ in range(20)].count(True) == 10


def test_nobody_pays_for_somebody_else() -> None:
    """The next person's action is in time."""
    rates = PersonRates(LIMIT)
    for _ in range(100):
        rates.take(1, 5.0)
    assert rates.take(2, 5.0)


@given(
    st.integers(1, 20),
    st.floats(0.1, 10.0),
    st.lists(st.floats(0.0, 5.0), min_size=1, max_size=60),
)
def test_never_more_than_the_limit_in_any_time(burst: int, per_second: float, gaps: list[float]) -> None:
    """In every period at most the burst and what the rate gives in that period."""
    rates, now, taken = PersonRates(RateLimit(burst, per_second)), 1000.0, []
    for gap in gaps:
        now += gap
        if rates.take(7, now):
            taken.append(now)
    assert taken[0] == 1000.0 + gaps[0]
    for first, began in enumerate(taken):
        for last, ended in enumerate(taken[first:], start=1):
            assert last <= burst + (ended - began) * per_second + 1e-3, (first, last)


def test_idle_people_are_forgotten() -> None:
    """Whatever happens, at most :data:`MOST_PEOPLE` are remembered: those who came longest ago start again."""
    rates = PersonRates(LIMIT)
    assert [rates.take(0, 0.0) for _ in range(11)].count(True) == 10
    for user_id in range(1, MOST_PEOPLE - 1):
        rates.take(user_id, 0.0)
    assert not rates.take(0, 0.0)
    rates.take(MOST_PEOPLE, 0.0)
    assert rates.take(0, 0.0)
    rates.take(1, 20.0)
    assert list(rates._even) == [1]


def test_commands_and_messages_share_a_limit_and_presses_have_their_own() -> None:
    """Presses may be twice as many; a withdrawal is never too fast."""
    rates = InteractionRates(LIMIT, HandClock())
    assert all(rates.take(1, Sent.COMMAND) for _ in range(6))
    assert [rates.take(1, Sent.MESSAGE) for _ in range(6)].count(True) == 4
    assert [rates.take(1, Sent.PRESS) for _ in range(50)].count(True) == 20
    assert [rates.take(1, Sent.COMPLETION) for _ in range(50)].count(True) == 20
    assert all(rates.take(1, Sent.WITHDRAWAL) for _ in range(1000))


def test_a_person_is_told_once_in_ten_seconds_that_messages_come_too_fast() -> None:
    """A sentence for each message would be a flood itself."""
    clock = HandClock()
    rates = InteractionRates(LIMIT, clock)
    assert [rates.should_tell(1) for _ in range(5)] == [True, False, False, False, False]
    assert rates.should_tell(2)
    clock.advance(10.0)
    assert rates.should_tell(1)
