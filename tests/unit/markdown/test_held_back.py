"""What of an unfinished line is shown, and how its open marks are closed for the moment."""

import pytest

from bot.markdown.document import AnswerDocument
from bot.markdown.inline.parser import LONGEST_OPEN, closed_for_now, is_open, is_plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words", "plain words"),
        ("a **b", "a **b**"),
        ("a **b ", "a **b** "),
        ("a *b **c", "a *b **c***"),
        ("a ~~b", "a ~~b~~"),
        ("a ||b", "a ||b||"),
        ("a ||b **c", "a ||b **c**||"),
        ("**a ||b", "**a ||b||**"),
        ("a `b", "a `b`"),
        ("a ``b`", "a ``b``"),
        ("a ``b` c", "a ``b` c``"),
        ("**a `b", "**a `b`**"),
        ("a [b", "a "),
        ("a [b](c", "a "),
        ("**a [b", "**a** "),
        ("a <b", "a "),
        ("a $x", "a "),
        ("a $5", "a $5"),
        ("a *", "a "),
        ("a **", "a "),
        ("a &am", "a "),
        ("a &amp;", "a &amp;"),
        ("a \\", "a "),
        ("go to https://a.exa", "go to "),
        ("see discord.g", "see "),
        ("an inv", "an "),
        ("and d", "and "),
        ("[", ""),
        ("**", ""),
    ],
)
def test_an_unfinished_text(text: str, shown: str) -> None:
    """Open marks are closed, innermost first; what the next character may change is left out."""
    assert closed_for_now(text) == shown


@pytest.mark.parametrize(
    ("text", "still_open"),
    [
        ("plain", False),
        ("**a", True),
        ("**a**", False),
        ("a ** b", False),
        ("`a", True),
        ("[a", True),
        ("[a] b", False),
        ("$x", True),
        ("$5 ", False),
        ("||a", True),
        ("|| a", False),
        ("<b", True),
        ("<b>a", True),
        ("<b>a</b>", False),
        ("</b>", False),
        ("<br>", False),
        (f"[{'a' * 499}", True),
        (f"[{'a' * 500}", False),
        (f"||{'a' * 398}", True),
        (f"||{'a' * 399}", False),
        (f"<b>{'a' * 597}", True),
        (f"<b>{'a' * 598}", False),
        (f"**{'a' * (LONGEST_OPEN - 2)}", True),
        (f"**{'a' * (LONGEST_OPEN - 1)}", False),
        ("**" + "a*" * 29, True),
        ("**" + "a*" * 60, False),
    ],
)
def test_what_later_text_may_close(text: str, still_open: bool) -> None:
    """Only so far back, and only among so many marks: beyond, an opener is text."""
    assert is_open(text) is still_open


def test_plain_text_needs_no_parser() -> None:
    assert is_plain("words, numbers 1.5 and (brackets)!")
    for text in (
        "a*b",
        "a_b",
        "a`",
        "a~",
        "[a",
        "a]",
        "<a",
        "$a",
        "a|b",
        "a\\b",
        "a&b",
        "@a",
        "a\nb",
        "a://b",
        "DISCORD",
    ):
        assert not is_plain(text)


def shown_after(text: str) -> str:
    """The last page while the answer is still growing."""
    document = AnswerDocument(limit=3900)
    document.feed(text)
    return document.pages()[-1]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("- [", ""),
        ("- a", "- a"),
        ("> ", ""),
        ("> **a", "> **a**"),
        ("# T **b", "# T **b**"),
        ("a\n\nb", "a\n\nb"),
        ("a\n| b", "a"),
        ("| a", ""),
        ("a | b", "a"),
        ("a | b\n", "a"),
        ("a | b\nc", "a | b\nc"),
        ("a\n---", "a"),
        ("a\n-", "a"),
        ("```py\nx", "```py\nx\n```"),
        ("```py\nx\n``", "```py\nx\n```"),
        ("```\n", ""),
        ("    x", "```\nx\n```"),
        ("$$ x", ""),
        ("Run: ```sh", "Run:"),
        ("| a |\n|-|\n| 1 |\n", "```\na\n─\n1\n```"),
        ("| a |\n|-|\n| 1 |\n| 2", "```\na\n─\n1\n```"),
        ("word\u200b", "word"),
        ("a\ud83d", "a"),
    ],
)
def test_an_unfinished_answer(text: str, shown: str) -> None:
    """No block is shown first in one form and then in another."""
    assert shown_after(text) == shown
