"""Answers put together from fragments of markup, checked against what holds for any answer."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.markdown_invariants import check_code, check_pages, check_work

CORPUS = sorted((Path(__file__).parent / "corpus" / "markdown").iterdir())

_MARKS = ("*", "**", "***", "_", "__", "~~", "`", "``", "```", "||", "$", "$$", "\\", "\\(", "\\)", "\\[", "\\]")
_LINKS = (
    "[",
    "]",
    "(",
    ")",
    "](",
    "![",
    "[^1]",
    "[a](b)",
    "[x](https://a.example)",
    "https://a.example/b",
    "<https://",
)
_TAGS = (
    "<",
    ">",
    "<b>",
    "</b>",
    "<sub>",
    "<br>",
    "<li>",
    "<a href='",
    "<!--",
    "<![CDATA[",
    "&amp;",
    "&#64;",
    "&lt;",
)
_LINES = (
    "\n",
    "\n\n",
    "\n- ",
    "\n1. ",
    "\n  - ",
    "\n> ",
    "\n# ",
    "\n```py\n",
    "\n```\n",
    "\n~~~\n",
    "\n---\n",
    "\n    ",
)
_TABLES = ("|", "| a | b |", "\n|---|---|\n", "\n| a |\n|---|\n")
_LIVE = (
    "@",
    "everyone",
    "<@1234567>",
    "<#1>",
    "</ask:1>",
    "<t:1:R>",
    "discord",
    ".gg/x",
    "discord.gg/x",
    "<id:home>",
)
_FORMULAS = ("\\frac{a}{b}", "\\frac", "{", "}", "^", "\\sqrt[3]{", "\\begin{align}\n", "\\end{align}\n")
_WORDS = (
    " ",
    "word",
    "two words ",
    "漢字",
    "。",
    "「",
    "」",
    "：",
    "한국어",
    "👩‍👩‍👧‍👦",
    "e\u0301",
    "\u2800",
    "\u200b",
    "\u202e",
    "\x1b[1m",
    "\t",
    "x" * 90,
)
_FRAGMENTS = st.sampled_from((*_MARKS, *_LINKS, *_TAGS, *_LINES, *_TABLES, *_LIVE, *_FORMULAS, *_WORDS))

answers = st.lists(
    st.one_of(_FRAGMENTS, st.builds(lambda part, count: part * count, _FRAGMENTS, st.integers(2, 40))), max_size=25
).map("".join)
_CODE = st.text(alphabet="ab `~|*_<>@#\\\u2800\u200b\u202e漢👍\n\t", max_size=400)


@settings(max_examples=150, deadline=None)
@given(answers, st.lists(st.integers(1, 30), min_size=1, max_size=8), st.sampled_from([100, 333, 1900]))
def test_pages_of_any_mixture(text: str, sizes: list[int], limit: int) -> None:
    check_pages(text, sizes, limit)


@settings(max_examples=60, deadline=None)
@given(answers)
def test_work_for_any_mixture(text: str) -> None:
    check_work(text)


@settings(max_examples=60, deadline=None)
@given(_CODE, st.sampled_from([100, 333, 1900]))
def test_code_is_never_changed(code: str, limit: int) -> None:
    check_code(code, limit)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_the_corpus(path: Path) -> None:
    """Texts that were wrong, slow or live once."""
    text = path.read_text(encoding="utf-8")
    check_pages(text, [1, 7, 64], 333)
    check_work(text)
