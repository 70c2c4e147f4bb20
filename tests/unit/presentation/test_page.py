"""Small texts of a message: the quoted question, untrusted names, numbers."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.presentation.page import Control, compact_duration, escape_inline, quote_question


def test_question_of_two_lines_is_quoted_whole() -> None:
    assert quote_question("How?\n\nWhy?") == "> How?\n> Why?"


def test_longer_question_ends_in_an_ellipsis() -> None:
    assert quote_question("one\ntwo\nthree") == "> one\n> two …"
    assert quote_question("word " * 100, max_chars=40) == "> word word word word word word word …"


@pytest.mark.parametrize(
    ("prompt", "quoted"),
    [
        ("```py\nx = 1", "> \\`\\`\\`py\n> x = 1"),
        ("# big", "> \\# big"),
        ("- item", "> \\- item"),
        ("1. item", "> 1\\. item"),
        ("@everyone", "> @\u200beveryone"),
        ("**bold", "> \\*\\*bold"),
        ("https://example.com", "> https:\u200b//example.com"),
        ("", "> …"),
        ("\u202e\u200b", "> …"),
    ],
)
def test_a_question_cannot_break_the_layout(prompt: str, quoted: str) -> None:
    assert quote_question(prompt) == quoted


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="ab `*_~|>#-1.<@!&\\[]()\n\u202e👍🏽:/", max_size=400), st.integers(20, 120))
def test_quote_is_two_lines_within_its_size(prompt: str, size: int) -> None:
    quoted = quote_question(prompt, max_chars=size)
    lines = quoted.split("\n")
    assert len(quoted) <= size
    assert len(lines) <= 2
    assert all(line.startswith("> ") for line in lines)
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_~|\[]", quoted.replace("> ", "", 1).replace("\n> ", "\n"))


def test_a_name_is_one_line_of_plain_text() -> None:
    assert escape_inline("a\n**b** <b> `c`") == "a \\*\\*b\\*\\* \\<b\\> \\`c\\`"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
     (-1, "0 s"), (0, "0 s"), (0.32, "0.3 s"), (9.96, "10 s"), (12.4, "12 s"), (59.7, "1 min"), (60, "1 min"),
     (125, "2 min 5 s"),
     (3600, "1 h"), (3840, "1 h 4 min")],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert compact_duration(seconds) == text


def test_controls_are_words_for_custom_ids() -> None:
    assert all(re.fullmatch(r"[a-z]+", control.value) for control in Control)


@pytest.mark.parametrize("size", range(40, 44))
def test_a_quote_is_not_cut_between_a_backslash_and_its_mark(size: int) -> None:
    """The half of an escape would be shown, and the mark after it would count."""
    quoted = quote_question("*" * 300, max_chars=size).removeprefix("> ").removesuffix(" …")
    assert quoted == "\\*" * (len(quoted) // 2)
    assert len(quoted) >= size - 5


def test_a_quote_needs_room() -> None:
    """Less than twenty characters would hold no word."""
    with pytest.raises(ValueError, match="20 characters"):
        quote_question("Why?", max_chars=19)
    assert quote_question("Why?", max_chars=20) == "> Why?"
