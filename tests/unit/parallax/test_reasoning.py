"""Thinking inside content."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.chat import Reasoning, Text
from bot.parallax import bounds
from bot.parallax.reasoning import ContentSplitter, ThinkingHabits

PARTS = st.lists(
    st.sampled_from(["<think>", "</think>", "<", "</", "think>", "<thi", "\n", " ", "`", "a", "語", "b c", ">"]),
    max_size=14,
).map("".join)


def split(pieces: list[str], *, opened: bool = False) -> tuple[str, str]:
    splitter = ContentSplitter(opened=opened)
    found = [part for piece in pieces for part in splitter.feed(piece)] + splitter.close()
    assert all(part.text for part in found), "no empty pieces"
    text = "".join(part.text for part in found if isinstance(part, Text))
    return text, "".join(part.text for part in found if isinstance(part, Reasoning))


@given(PARTS, st.lists(st.integers(0, 200), max_size=6), st.booleans())
def test_where_the_content_is_cut_makes_no_difference(content: str, cuts: list[int], opened: bool) -> None:
    places = sorted({0, len(content), *(place % (len(content) + 1) for place in cuts)})
    pieces = [content[start:end] for start, end in itertools.pairwise(places)]
    assert split(pieces, opened=opened) == split([content], opened=opened)


@given(PARTS.filter(lambda content: "think>" not in content))
def test_content_without_tags_is_the_answer(content: str) -> None:
    assert split(list(content)) == (content, "")


@pytest.mark.parametrize(
    ("content", "text", "reasoning"),
    [
        ("<think>why</think>\n\nbecause", "because", "why"),
        ("\n <think>\nwhy\n</think>because", "because", "why\n"),
        ("<think></think>because", "because", ""),
        ("<think>\n\n</think>\n\nbecause", "because", ""),
        ("<think>a</think>\n<think>b</think>\nc", "c", "ab"),
        ("<think>cut off", "", "cut off"),
        ("<think>cut off</thi", "", "cut off</thi"),
        ("<think", "<think", ""),
        ("  ", "  ", ""),
        ("Write <think> to think.", "Write <think> to think.", ""),
        ("<think>a</think>b</think>c", "b</think>c", "a"),
        ("The tag `</think>` ends it", "The tag `</think>` ends it", ""),
        ("said before.\n</think>\n\nafter", "said before.\nafter", ""),
        ("</think>\n\nafter", "after", ""),
    ],
)
def test_tags(content: str, text: str, reasoning: str) -> None:
    assert split([content]) == (text, reasoning)
    assert split(list(content)) == (text, reasoning)


@pytest.mark.parametrize(
    ("content", "text", "reasoning"),
    [
        ("why\n</think>\n\nbecause", "because", "why\n"),
        ("<think>why</think>because", "because", "why"),
        ("no end", "", "no end"),
    ],
)
def test_a_template_that_opens_the_thinking(content: str, text: str, reasoning: str) -> None:
    assert split(list(content), opened=True) == (text, reasoning)


def test_thinking_in_a_field_of_its_own_makes_content_the_answer() -> None:
    splitter = ContentSplitter(opened=True)
    splitter.thinking_comes_apart()
    assert splitter.feed("yes") == [Text("yes")]


def test_habits_begin_with_names_and_follow_what_is_seen() -> None:
    habits = ThinkingHabits()
    assert habits.opens_in_prompt("Qwen/Qwen3-4B-Thinking-2507")
    assert habits.opens_in_prompt("deepseek-ai/DeepSeek-R1")
    assert not habits.opens_in_prompt("Qwen/Qwen3-0.6B")
    assert not habits.opens_in_prompt(None)

    lone = ContentSplitter()
    lone.feed("why\n</think>because")
    habits.observe("Qwen/Qwen3-0.6B", lone)
    assert habits.opens_in_prompt("Qwen/Qwen3-0.6B")

    wrong = ContentSplitter(opened=True)
    wrong.feed("because")
    habits.observe("Qwen/Qwen3-4B-Thinking-2507", wrong)
    assert not habits.opens_in_prompt("Qwen/Qwen3-4B-Thinking-2507")

    plain = ContentSplitter()
    plain.feed("hello")
    habits.observe("Qwen/Qwen3-0.6B", plain)
    assert habits.opens_in_prompt("Qwen/Qwen3-0.6B"), "an answer without thinking proves nothing"


def test_habits_stay_small() -> None:
    habits = ThinkingHabits()
    lone = ContentSplitter()
    lone.feed("why\n</think>")
    for number in range(1000):
        habits.observe(f"m{number}", lone)
    assert habits.opens_in_prompt("m999")
    assert not habits.opens_in_prompt("m0")


def test_endless_whitespace_is_not_searched_again_with_every_piece() -> None:
    """It is kept as it came: it belongs to an answer that follows, and not to a thinking that follows."""
    for tail, expected in (
        ("Yes", [Text(" " * 600 + "Yes")]),
        ("<think>hm</think>Yes", [Reasoning("hm"), Text("Yes")]),
    ):
        splitter = ContentSplitter()
        for _ in range(10):
            assert splitter.feed(" " * 60) == []
            assert splitter._held == ""
        assert [*splitter.feed(tail), *splitter.close()] == expected


@pytest.mark.parametrize("unit", ["<think>a</think>", "'</think>", "</think>", "<"])
def test_long_content_is_processed_in_slices(unit: str) -> None:
    """With the same result as for single characters."""
    content = unit * 1000
    whole, single = ContentSplitter(), ContentSplitter()
    pieces = [*whole.feed(content), *whole.close()]
    singles = [piece for character in content for piece in single.feed(character)] + single.close()
    for kind in (Text, Reasoning):
        assert "".join(piece.text for piece in pieces if isinstance(piece, kind)) == "".join(
            piece.text for piece in singles if isinstance(piece, kind)
        )


def test_after_the_most_marks_an_answer_is_text() -> None:
    """Each costs time, and a broken node may send tens of thousands in one piece."""
    content = "<think>x</think>" * bounds.MARKS + "And <think>this</think> is text."
    for size in (7, 4096):
        pieces = [content[at : at + size] for at in range(0, len(content), size)]
        assert split(pieces) == ("And <think>this</think> is text.", "x" * bounds.MARKS)
