"""Text that goes with a question."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.conversation.attached_text import (
    as_attached_text,
    as_forward,
    as_left_out,
    as_quotation,
    as_unreadable,
    with_attached_text,
)


def test_what_is_attached_stands_below_the_question() -> None:
    """And nothing is added where nothing is attached."""
    assert with_attached_text("why?", "Attachment a:") == "why?\n\nAttachment a:"
    assert with_attached_text("why?", "") == "why?"


@given(st.text("`ab\n", max_size=40))
def test_a_file_cannot_close_its_own_frame(text: str) -> None:
    """The frame's fence is in no line of the file, and is as short as that allows."""
    first, fence, *inside, last = as_attached_text("a.md", text).split("\n")
    assert (first, last) == ("Attachment a.md:", fence)
    assert not any(fence in line for line in inside)
    assert fence == "```" or fence[1:] in text
    assert "\n".join(inside) == text.rstrip()


def test_the_indentation_of_a_file_is_kept() -> None:
    """Empty lines at its end are not."""
    assert as_attached_text("a.py", "  x = 1\n\n  y = 2\n\n") == "Attachment a.py:\n```\n  x = 1\n\n  y = 2\n```"


def test_a_message_that_is_asked_about_is_quoted_in_every_line() -> None:
    """Empty lines too, so that the model sees where it ends."""
    assert as_quotation("Ada\nByron", "hi\n\nthere") == "A message by Ada Byron:\n> hi\n> \n> there"
    assert as_forward("hi\nthere") == "A forwarded message:\n> hi\n> there"


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (as_unreadable, "A message by {}, whose text cannot be read."),
        (as_left_out, "Its file {} cannot be read."),
    ],
)
def test_what_cannot_be_read_is_said_with_a_short_name(written: Callable[[str], str], text: str) -> None:
    """A name is one line of at most 80 characters."""
    assert written("a \n b") == text.format("a b")
    assert written("x" * 81) == text.format("x" * 80)
