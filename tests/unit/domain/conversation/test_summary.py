"""Which turns a summary is made of, and how long it may be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.conversation.store import Turn
from bot.domain.conversation.summary import asking_for, left_to_turns, longest, next_chunk, tidied

BUDGETS = st.integers(200, 20_000)


def turn(number: int, question: str, answer: str) -> Turn:
    """A turn of Ada's."""
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
    )


TURNS = st.lists(st.tuples(st.text(max_size=400), st.text(max_size=400)), min_size=1, max_size=12).map(
    lambda rows: [turn(number, question, answer) for number, (question, answer) in enumerate(rows)]
)


@given(TURNS, BUDGETS)
def test_a_chunk_begins_at_the_oldest_turn_and_goes_on(turns: list[Turn], budget: int) -> None:
    """At least one turn, and no gap: what is summarised is removed from the prompts."""
    chunk = next_chunk(turns, budget=budget, estimate=len)
    assert chunk
    assert list(chunk) == turns[: len(chunk)]


@given(TURNS)
def test_a_larger_budget_never_takes_fewer_turns(turns: list[Turn]) -> None:
    """As long as no turn is so long that it is shortened."""
    counts = [len(next_chunk(turns, budget=budget, estimate=len)) for budget in (2000, 4000, 8000)]
    assert counts == sorted(counts)


def test_turns_that_no_longer_fit_wait_for_the_next_summary() -> None:
    """Half of the budget is for the turns."""
    turns = [turn(number, "q" * 100, "a" * 100) for number in range(10)]
    assert len(next_chunk(turns, budget=1000, estimate=len)) == 2
    assert len(next_chunk(turns, budget=100_000, estimate=len)) == 10


def test_one_turn_that_is_too_long_is_shortened_and_taken() -> None:
    """A conversation with it would never be summarised otherwise."""
    huge = turn(1, "q" * 10_000, "a" * 10_000)
    assert next_chunk([huge, huge], budget=1000, estimate=len) == [huge]
    assert len(asking_for([huge], before="", budget=1000).messages[1].content) < 1000


def test_the_notes_so_far_are_sent_along() -> None:
    """The new summary replaces them."""
    asked = asking_for([turn(1, "Who?", "Eve.")], before="Ada asks about people.", budget=1000)
    text = asked.messages[1].content
    assert text.index("Ada asks about people.") < text.index("Ada: Who?") < text.index("Answer: Eve.")
    assert asked.max_tokens == longest(1000)


@given(st.text(), BUDGETS)
def test_what_the_cluster_wrote_is_cut_to_what_a_summary_may_be(text: str, budget: int) -> None:
    """A model does not always keep to the number of words; spaces around it are removed."""
    kept = tidied(f" {text} ", budget)
    assert kept == kept.strip()
    assert text.strip().startswith(kept)
    assert len(tidied("x" * 1_000_000, budget)) == 6 * longest(budget)


@given(BUDGETS)
def test_a_summary_fits_into_what_turns_leave(budget: int) -> None:
    """Turns and the longest summary together never exceed the budget."""
    assert 0 < left_to_turns(budget) < budget
    assert left_to_turns(budget) + longest(budget) <= budget
