"""When to send again after a refusal: doubling, jitter, what ends a wait early, bounds."""

from __future__ import annotations

import pytest

from bot.domain.queue.back_off import LEAST_ASKED_SECONDS, MOST_ASKED_SECONDS, BackOff


def test_back_off_doubles_and_is_bounded() -> None:
    """Half of each wait is jitter; it stops doubling at the bound."""
    back_off = BackOff(first=1.0, most=3.0)
    waits = []
    now = 0.0
    for _ in range(4):
        back_off.refused(now, retry_after=None, jitter=0.0)
        waits.append(back_off.remaining(now))
        now += 10
    back_off.refused(now, retry_after=None, jitter=0.5)

    assert waits == [0.5, 1.0, 1.5, 1.5]
    assert back_off.remaining(now) == 2.25
    assert back_off.remaining(now + 2) == 0.25
    assert back_off.remaining(now + 3) == 0


def test_a_refusal_at_the_end_of_a_wait_begins_the_next_one() -> None:
    """At that very moment; by default up to half a minute, and one bound may be the other."""
    back_off = BackOff()
    now, waits = 0.0, []
    for _ in range(7):
        back_off.refused(now, retry_after=None, jitter=0.0)
        waits.append(back_off.remaining(now))
        now += waits[-1]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]
    steady = BackOff(first=5.0, most=5.0)
    steady.refused(0.0, retry_after=None, jitter=0.5)
    assert steady.remaining(0.0) == 3.75


def test_refusals_of_one_episode_do_not_double() -> None:
    """Four requests refused together wait once."""
    back_off = BackOff()
    for _ in range(4):
        back_off.refused(0.0, retry_after=None, jitter=0.0)
    back_off.refused(5.0, retry_after=None, jitter=0.0)

    assert back_off.remaining(5.0) == 1.0


@pytest.mark.parametrize("event", ["slot_freed", "status_changed"])
def test_news_cuts_the_wait_short(event: str) -> None:
    """A freed slot or a changed cluster ends our own back-off."""
    back_off = BackOff(first=8.0)
    back_off.refused(0.0, retry_after=None, jitter=0.0)
    getattr(back_off, event)()
    assert back_off.remaining(0.0) == 0


def test_what_the_cluster_asks_for_is_obeyed_within_bounds() -> None:
    """A changed report does not end it, and an hour is not obeyed."""
    back_off = BackOff()
    back_off.refused(0.0, retry_after=20.0, jitter=0.0)
    back_off.status_changed()
    assert back_off.remaining(0.0) == 20

    back_off.refused(1.0, retry_after=3600.0, jitter=0.0)
    assert back_off.remaining(1.0) == MOST_ASKED_SECONDS
    back_off.refused(2.0, retry_after=0.0, jitter=0.0)
    assert back_off.remaining(2.0) == MOST_ASKED_SECONDS - 1


@pytest.mark.parametrize("event", ["slot_freed", "resumed"])
def test_room_of_our_own_and_an_operator_end_what_was_asked_for(event: str) -> None:
    """A request of ours that ended leaves room for another one."""
    back_off = BackOff()
    back_off.refused(0.0, retry_after=3600.0, jitter=0.0)
    getattr(back_off, event)()
    assert back_off.remaining(0.0) == 0


def test_room_that_the_status_shows_counts_after_a_while() -> None:
    """Each refusal in spite of it makes that while longer, up to what was asked for."""
    back_off = BackOff(first=4.0, most=30.0)
    back_off.refused(0.0, retry_after=3600.0, jitter=0.5)
    assert back_off.remaining(0.0, room=True) == LEAST_ASKED_SECONDS
    back_off.refused(1.0, retry_after=3600.0, jitter=0.5)
    assert back_off.remaining(1.0, room=True) == 6.0
    assert back_off.remaining(7.0, room=True) == 0
    assert back_off.remaining(7.0) == MOST_ASKED_SECONDS - 6

    back_off.refused(70.0, retry_after=2.0, jitter=0.5)
    assert back_off.remaining(70.0, room=True) == 2.0


def test_success_ends_the_episode() -> None:
    """After an answer the next refusal starts from the shortest wait."""
    back_off = BackOff(first=1.0)
    for now in (0.0, 10.0, 20.0):
        back_off.refused(now, retry_after=None, jitter=0.0)
    back_off.succeeded()
    assert back_off.remaining(20.0) == 0

    back_off.refused(30.0, retry_after=None, jitter=0.0)

    assert back_off.remaining(30.0) == 0.5


def test_an_impossible_back_off_is_refused() -> None:
    """A wait of 0 s would be a busy loop."""
    with pytest.raises(ValueError, match="first"):
        BackOff(first=0.0)
