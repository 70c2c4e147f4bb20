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

TOKEN = 4  # characters, about what a token of English is
TOKENS_PER_EDIT = 12
TENTHS = 10
AT_MOST = 1.2

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
    assert last.parsed <= AT_MOST * first.parsed
    assert first.parsed or shape == "code"
