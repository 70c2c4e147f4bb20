"""What a summary is made of, and how long it may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.chat import Role
from bot.domain.conversation.store import Turn
from bot.domain.conversation.summary import asking_for, left_to_turns, longest, next_chunk, tidied


def turn(number: int, question: str = "why?", answer: str = "so") -> Turn:
    return Turn(
        turn_id=number,
        request_id=f"r{number}",
        asker_id=1,
        asker_name="Ada",
        question=question,
        answer=answer,
        finish="stop",
        prompt_tokens=None,
        completion_tokens=None,
        created_at=float(number),
        attached_text="a long file",
    )


@pytest.mark.parametrize(("budget", "most"), [(0, 32), (256, 32), (807, 100), (3200, 400), (100_000, 400)])
def test_a_summary_takes_an_eighth_of_the_context_within_bounds(budget: int, most: int) -> None:
    """Between 32 and 400 tokens, always a whole number."""
    assert longest(budget) == most
    assert asking_for([turn(1)], before="", budget=budget).max_tokens == most


def test_turns_leave_room_for_the_next_ones() -> None:
    """A quarter of the budget, rounded down."""
    assert left_to_turns(4000) == 3000
    assert left_to_turns(7) == 6


@pytest.mark.parametrize(("each", "count"), [(4, 2), (5, 2), (6, 1), (10, 1), (11, 1), (500, 1), (0, 5)])
def test_one_request_summarises_what_fits_into_half_of_the_budget(each: int, count: int) -> None:
    """From the oldest on; one turn at least, so that it goes on at all."""
    turns = [turn(number) for number in range(5)]
    assert next_chunk(turns, budget=20, estimate=lambda _text: each) == turns[:count]


def test_a_long_turn_counts_as_short_as_it_is_sent() -> None:
    """A quarter of the budget in characters of its question and of its answer."""
    turns = [turn(number, "q" * 9000, "a" * 9000) for number in range(5)]
    lengths: list[int] = []

    def estimate(text: str) -> int:
        lengths.append(len(text))
        return len(text) // 4

    assert next_chunk(turns, budget=400, estimate=estimate) == turns[:3]
    assert set(lengths) == {len("Ada: \nAnswer: ") + 200}


@given(st.lists(st.integers(0, 60), max_size=8), st.integers(0, 100))
def test_every_turn_is_summarised_once_and_in_order(costs: list[int], budget: int) -> None:
    """Whatever they cost; each request but one of a single turn keeps to its half."""
    turns = [turn(number, f"{number}") for number in range(len(costs))]
    price = {f"Ada: {number}": cost for number, cost in enumerate(costs)}
    rest = list(turns)
    seen: list[Turn] = []
    while rest:
        chunk = next_chunk(rest, budget=budget, estimate=lambda text: price.get(text.split("\n")[0], 0))
        assert chunk
        assert len(chunk) == 1 or budget < 8 or sum(costs[one.turn_id] for one in chunk) <= budget // 2
        seen += chunk
        rest = rest[len(chunk) :]
    assert seen == turns


def test_the_cluster_is_asked_for_notes_of_the_conversation() -> None:
    """With the notes so far, without attached files, for a short answer without thinking."""
    request = asking_for([turn(1), turn(2, "and?", "x" * 500)], before="They met.", budget=1600)
    system, user = request.messages
    assert (system.role, user.role) == (Role.SYSTEM, Role.USER)
    assert "in at most 100 words." in system.content
    assert user.content == (
        "The notes so far:\nThey met.\n\n"
        "The conversation:\nAda: why?\nAnswer: so\n\nAda: and?\nAnswer: " + "x" * 400 + "\n\n"
        "The notes, brought up to date:"
    )
    assert (request.max_tokens, request.temperature, request.think) == (200, 0.2, False)


def test_the_first_notes_go_on_from_none() -> None:
    """Nothing is said of earlier ones."""
    user = asking_for([turn(1)], before="", budget=1600).messages[1]
    assert user.content.startswith("The conversation:\n")


def test_notes_that_are_too_long_are_cut() -> None:
    """To six characters for each token they may have, without a space at either end."""
    assert tidied("  They met. \n", 0) == "They met."
    assert tidied("x" * 500, 0) == "x" * 192
    assert tidied("x" * 191 + " yz", 0) == "x" * 191
