"""How many edits begin in a turn of the event loop, and who waits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.discord_calls.priority import CallPriority
from bot.domain.discord_calls.turns import LONG, MOST, EditTurns

PRIORITIES = st.sampled_from(list(CallPriority))
TURNS = st.lists(st.tuples(st.lists(PRIORITIES, max_size=20), st.floats(0.0, 5 * LONG)), max_size=40)


@given(TURNS)
def test_everybody_begins_once_and_no_turn_has_too_many(turns: list[tuple[list[CallPriority], float]]) -> None:
    """However long the turns take, and whoever comes in them."""
    policy, now, number = EditTurns[int](), 0.0, 0
    waiting: set[int] = set()
    for came, took in turns:
        begun = 0
        for priority in came:
            number += 1
            if policy.begin():
                begun += 1
            else:
                policy.wants(number, priority)
                waiting.add(number)
        assert begun <= MOST
        now += took
        chosen = policy.turned(now)
        assert len(chosen) <= MOST
        assert chosen or not waiting, "somebody goes on in each turn"
        assert waiting.issuperset(chosen)
        waiting.difference_update(chosen)
        assert len(policy) == len(waiting)


@given(st.lists(PRIORITIES, min_size=1, max_size=50))
def test_the_most_urgent_go_first_and_equal_ones_in_their_order(priorities: list[CallPriority]) -> None:
    policy = EditTurns[int]()
    for number, priority in enumerate(priorities):
        policy.wants(number, priority)
    order: list[int] = []
    while len(policy):
        order += policy.turned(0.0)
    assert order == sorted(range(len(priorities)), key=lambda number: (priorities[number], number))


def test_late_turns_have_fewer_edits_and_quick_ones_more_again() -> None:
    policy, now = EditTurns[int](), 0.0

    def size(took: float) -> int:
        nonlocal now
        now += took
        for number in range(MOST):
            policy.wants(number, CallPriority.TEXT)
        chosen = policy.turned(now)
        for number in range(MOST):
            policy.leave(number)
        return len(chosen)

    assert size(0.0) == MOST
    assert [size(1.5 * LONG) for _ in range(4)] == [MOST // 2, MOST // 4, 1, 1]
    assert [size(LONG / 2) for _ in range(MOST)] == [*range(2, MOST + 1), MOST]
    policy.rested()
    assert size(10.0) == MOST, "a pause is not a late turn"


def test_what_becomes_urgent_goes_before_and_never_back() -> None:
    policy = EditTurns[str]()
    for who in ("first", "second", "third"):
        policy.wants(who, CallPriority.TEXT)
    policy.wants("third", CallPriority.LAST)
    policy.wants("third", CallPriority.TEXT)
    assert policy.turned(0.0) == ["third", "first", "second"]


def test_who_comes_while_others_wait_waits_behind_them() -> None:
    policy = EditTurns[str]()
    policy.wants("first", CallPriority.TEXT)
    assert not policy.begin()
    policy.turned(0.0)
    assert policy.begin()
    assert not policy.is_idle
