"""The work for a token does not grow with the answer. It is counted, not timed: a busy machine has no effect."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import pytest
from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.token import Token

from bot.markdown.document import AnswerDocument
from tests.fuzz.markdown_invariants import check_work

TOKEN = 4  # characters, about what a token of English is
TOKENS_PER_EDIT = 12
TENTHS = 10
AT_MOST = 1.2
SEGMENT = 100  # characters that are looked at together; what was looked at just before is not parsed again

PROSE = "words that **go on** and *on* with `code` and [a link](https://example.com) in them"
SHAPES = {
    "a paragraph": ("", f"{PROSE}, "),
    "lines": ("", f"{PROSE}\n"),
    "a list": ("", f"- {PROSE}\n"),
    "a quote": ("", f"> {PROSE}\n"),
    "code": ("```python\n", "value = compute(1, 2, 3)  # a line of it\n"),
    "a table": ("| a | b |\n|---|---|\n", "| one **cell** | another |\n"),
    "everything": (
        "",
        f"## A heading\n\n{PROSE}.\n\n1. {PROSE}\n   - {PROSE}\n\n```python\nx = 1\n```\n\n| a | b |\n|---|---|\n"
        f"| 1 | 2 |\n\n> {PROSE}\n\nIt costs $O(n \\log n)$. 表を分割するには、まず複製を作ります。\n\n",
    ),
}


@dataclass
class Work:
    """The characters that markdown-it was given, and the calls of Python functions."""

    parsed: int = 0
    calls: int = 0


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    """Count the work done inside the `with` block."""
    work = Work()
    parse = ParserInline.parse

    def counting(
        self: ParserInline, src: str, md: MarkdownIt, env: MutableMapping[str, object], tokens: list[Token]
    ) -> list[Token]:
        work.parsed += len(src)
        return parse(self, src, md, env, tokens)

    def called(_frame: FrameType, event: str, _argument: object) -> None:
        work.calls += event == "call"

    with monkeypatch.context() as patch:
        patch.setattr(ParserInline, "parse", counting)
        before = sys.getprofile()
        sys.setprofile(called)
        try:
            yield work
        finally:
            sys.setprofile(before)


def streamed(document: AnswerDocument, tokens: Sequence[str]) -> None:
    """Feed the tokens and render an edit now and then."""
    for number, token in enumerate(tokens):
        document.feed(token)
        if number % TOKENS_PER_EDIT == 0:
            document.pages()


@pytest.mark.parametrize(("shape", "characters"), [*itertools.product(SHAPES, [30_000]), ("everything", 100_000)])
def test_the_last_tenth_is_no_more_work_than_the_first(
    shape: str, characters: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a very long paragraph, list, table or block of code, and for a mixture of all."""
    begin, unit = SHAPES[shape]
    text = (begin + unit * (characters // len(unit) + 1))[:characters]
    tokens = [text[at : at + TOKEN] for at in range(0, len(text), TOKEN)]
    size = len(tokens) // TENTHS
    document = AnswerDocument(limit=3650, max_pages=1000, code_attachment_chars=characters)

    with counted(monkeypatch) as first:
        streamed(document, tokens[:size])
    streamed(document, tokens[size:-size])
    with counted(monkeypatch) as last:
        streamed(document, tokens[-size:])

    assert len(document.pages()) > 5
    assert last.calls <= AT_MOST * first.calls
    assert last.parsed <= AT_MOST * first.parsed + SEGMENT
    assert first.parsed or shape == "code"


@pytest.mark.parametrize("text", [f"{PROSE}. ", "only words, one after the other. "], ids=["marks", "words"])
def test_an_edit_of_a_line_costs_no_more_the_longer_the_line_is(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although nothing of a paragraph's first line is certain until its end: it may become a table's header."""
    line = (text * 10)[:280]
    document = AnswerDocument(limit=3650)
    work: list[int] = []
    for at in range(0, len(line), len(line) // 7):
        with counted(monkeypatch) as edit:
            document.feed(line[at : at + len(line) // 7])
            document.pages()
        work.append(edit.calls)

    assert max(work[-3:]) <= 1.3 * max(work[:3])
    assert document.pages()[0].startswith(line[:6])


PATHOLOGICAL = {
    "brackets": "[[a]",
    "nested images": "![a](b",
    "links": "[a](b) ",
    "stars": "***",
    "stars between spaces": "* ",
    "marks that open each other": "**_a",
    "opened in every line": "**a\n",
    "CDATA": "<![CDATA[",
    "comments": "<!--",
    "unfinished tags": "<a b='",
    "formulas": "$\\frac{a}{b}$ ",
    "nested fractions": "\\frac",
    "unfinished formulas": "\\(a ",
    "runs of backticks": "".join("`" * length + " " for length in range(1, 60)),
    "nested lists": "".join("  " * depth + "- a\n" for depth in range(100)),
    "a table of 200 columns": f"|{'a|' * 200}\n|{'-|' * 200}\n" + f"|{'b|' * 200}\n" * 10,
    "a table of 24 columns": f"|{'a|' * 24}\n|{'-|' * 24}\n" + f"|{'**b** `c`|' * 24}\n" * 10,
    "rows without a table": "|a\n",
    "quotes in quotes": "> ",
    "spaces": "~~~ x" + " " * 7000 + "y\n",
    "closing brackets": "https://a" + ")" * 2000 + " ",
    "entities": "&amp;",
    "mentions": "<@1",
    "invitations": "discord.gg/x ",
    "one visible character": "e" + "\u0301" * 3000,
}


@pytest.mark.parametrize("unit", PATHOLOGICAL.values(), ids=PATHOLOGICAL)
def test_r9_no_text_takes_more_work_than_its_length_allows(unit: str) -> None:
    """Neither in a step nor in all, for texts that cost parsers most."""
    check_work((unit * (6000 // len(unit) + 1))[:6000])


def test_r9_a_long_text_is_processed_in_slices() -> None:
    """`feed` returns after the first; the pages are complete all the same."""
    text = "some **words** here. " * 800
    document = AnswerDocument(limit=3650, max_pages=100)
    document.feed(text)
    slices = 0
    while document.work():
        slices += 1
    assert slices > 100
    assert len("".join(document.pages())) > len(text) * 0.95
