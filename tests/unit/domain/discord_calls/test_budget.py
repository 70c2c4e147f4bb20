"""The budget of the bot's token: never more than Discord takes in any second, the most urgent first."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.discord_calls.budget import ANSWERED_WITHIN, CALLS, SHARES, WINDOW, CallBudget
from bot.domain.discord_calls.priority import CallPriority

DISCORD_TAKES = 50


@dataclass
class Traffic:
    """Calls through one budget, as they leave and as Discord counts them."""

    budget: CallBudget[int] = field(default_factory=CallBudget)
    left: list[float] = field(default_factory=list)
    counted: list[float] = field(default_factory=list)
    order: list[CallPriority] = field(default_factory=list)

    def run(self, calls: Sequence[tuple[float, CallPriority, float, float]]) -> None:
        """Each call: when it is wanted, how urgent, the seconds to Discord and back."""
        events = [(at, number, "wanted") for number, (at, *_) in enumerate(calls)]
        heapq.heapify(events)
        while events:
            now, number, what = heapq.heappop(events)
            if what == "wanted":
                self.budget.wants(number, calls[number][1])
            elif what == "answered":
                self.budget.answered(number, now)
            for granted in self.budget.granted(now):
                _, priority, there, back = calls[granted]
                self.budget.left(granted, now)
                self.left.append(now)
                self.order.append(priority)
                self.counted.append(now + there)
                heapq.heappush(events, (now + there + back, granted, "answered"))
            if (look := self.budget.look_at(now)) is not None and not any(w == "look" for *_, w in events):
                heapq.heappush(events, (max(look, now + 0.001), -1, "look"))


def most_in_a_second(times: Sequence[float]) -> int:
    """The most of these in any window of a second."""
    ordered = sorted(times)
    return max((bisect_left(ordered, at + 1.0) - index for index, at in enumerate(ordered)), default=0)


SECONDS = st.floats(0.0, 5.0)
CALL = st.tuples(st.floats(0.0, 3.0), st.sampled_from(CallPriority), SECONDS, SECONDS)


@settings(max_examples=60, deadline=None)
@given(st.lists(CALL, min_size=CALLS, max_size=5 * CALLS))
def test_no_second_has_more_calls_than_slots(calls: Sequence[tuple[float, CallPriority, float, float]]) -> None:
    """Neither as they leave nor as Discord counts them, whatever the network does; and every call leaves."""
    traffic = Traffic()
    traffic.run(calls)

    assert len(traffic.left) == len(calls)
    assert most_in_a_second(traffic.left) <= CALLS < DISCORD_TAKES
    assert most_in_a_second(traffic.counted) <= CALLS


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 400), st.floats(0.0, 5.0))
def test_places_do_not_hold_up_a_last_state(places: int, asked_at: float) -> None:
    """However many wait, the last state is sent at once: positions never take all slots."""
    last = (asked_at, CallPriority.LAST, 0.03, 0.03)
    traffic = Traffic()
    traffic.run([*([(0.0, CallPriority.POSITION, 0.03, 0.03)] * places), last])

    assert traffic.left[traffic.order.index(CallPriority.LAST)] == asked_at


def test_the_most_urgent_leave_first_and_equals_in_their_order() -> None:
    """Operators, last states, first words, other calls, streamed text, positions."""
    budget: CallBudget[str] = CallBudget()
    for number in range(2):
        for priority in reversed(CallPriority):
            budget.wants(f"{priority.name} {number}", priority)

    assert budget.granted(0.0) == [f"{priority.name} {number}" for priority in CallPriority for number in range(2)]


@pytest.mark.parametrize(("priority", "share"), [(CallPriority.LAST, CALLS), *SHARES.items()])
def test_what_can_wait_leaves_room(priority: CallPriority, share: int) -> None:
    """Only so many of a kind are under way at once."""
    budget: CallBudget[int] = CallBudget()
    for key in range(CALLS + 1):
        budget.wants(key, priority)

    assert list(budget.granted(0.0)) == list(range(share))
    budget.answered(0, 0.1)
    assert budget.granted(0.1 + WINDOW / 2) == []
    assert budget.look_at(0.1 + WINDOW / 2) == 0.1 + WINDOW
    assert budget.granted(0.1 + WINDOW) == [share]


def test_a_slot_that_is_not_used_is_free_at_once() -> None:
    """A call that is given up, waiting or granted, delays no other call."""
    budget: CallBudget[int] = CallBudget()
    for key in range(CALLS + 2):
        budget.wants(key, CallPriority.LAST)
    budget.granted(0.0)
    budget.forget(0)
    budget.forget(CALLS)

    assert budget.granted(0.0) == [CALLS + 1]
    assert budget.look_at(0.0) is None


def test_a_call_without_an_answer_does_not_keep_its_slot() -> None:
    """A Discord that accepts and never answers must not stop the bot for good."""
    budget: CallBudget[int] = CallBudget()
    for key in range(CALLS + 1):
        budget.wants(key, CallPriority.LAST)
    for key in budget.granted(0.0):
        budget.left(key, 1.0)

    assert budget.look_at(1.0) == 1.0 + ANSWERED_WITHIN
    assert budget.granted(1.0 + ANSWERED_WITHIN) == []
    assert budget.granted(1.0 + ANSWERED_WITHIN + WINDOW) == [CALLS]


def test_nothing_leaves_while_the_global_limit_is_met() -> None:
    """Another process with the same token used it up."""
    budget: CallBudget[int] = CallBudget()
    budget.refused(0.0, retry_after=0.7)
    budget.wants(1, CallPriority.LAST)

    assert budget.granted(0.6) == []
    assert budget.look_at(0.6) == 0.7
    assert budget.granted(0.7) == [1]


@pytest.mark.parametrize("sharers", [2, 3, 45, 100])
@pytest.mark.parametrize("priority", list(CallPriority))
def test_processes_share_the_slots_evenly(priority: CallPriority, sharers: int) -> None:
    """Each knows only how many they are. Nobody is left without a slot."""
    budget: CallBudget[int] = CallBudget()
    budget.sharers = sharers
    for key in range(CALLS):
        budget.wants(key, priority)

    assert len(budget.granted(0.0)) == max(1, SHARES.get(priority, CALLS) // sharers)


def test_a_process_that_comes_takes_no_slot_away_and_one_that_goes_leaves_its_own() -> None:
    """What is used counts until it is free; then the new part does."""
    budget: CallBudget[int] = CallBudget()
    for key in range(2 * CALLS):
        budget.wants(key, CallPriority.LAST)
    before = budget.granted(0.0)
    assert len(before) == CALLS
    budget.sharers = 2
    for key in before:
        budget.left(key, 0.0)
        budget.answered(key, 0.0)

    assert budget.granted(0.5) == []
    assert len(budget.granted(WINDOW)) == CALLS // 2
    budget.sharers = 1
    assert len(budget.granted(WINDOW)) == CALLS - CALLS // 2


@settings(max_examples=30, deadline=None)
@given(
    calls=st.lists(st.lists(CALL, max_size=120), min_size=2, max_size=4),
)
def test_processes_together_never_make_more_calls_than_discord_takes(
    calls: Sequence[Sequence[tuple[float, CallPriority, float, float]]],
) -> None:
    """Without knowing of each other's calls."""
    counted: list[float] = []
    for mine in calls:
        traffic = Traffic()
        traffic.budget.sharers = len(calls)
        traffic.run(mine)
        counted += traffic.counted
        assert len(traffic.left) == len(mine)
    assert most_in_a_second(counted) <= DISCORD_TAKES
