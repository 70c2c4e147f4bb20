"""What holds for the pages of any answer, checked for one text: used by the tests and by the fuzzer."""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType

from bot.markdown.document import SLICE, AnswerDocument, render
from tests.unit.markdown.discord_view import live_forms

MOST_PAGES = 200

# Work is counted, not timed: calls of Python and C functions. One call takes 0.2 to 0.4 microseconds, so a step
# stays below 20 milliseconds, and a character below 60 microseconds, on a slow machine too.
MOST_CALLS_IN_A_STEP = 40_000
MOST_CALLS_PER_CHARACTER = 250
CALLS_FOR_ANY_TEXT = 40_000


def check_pages(text: str, sizes: Sequence[int], limit: int) -> None:
    """Limits, closed fences, no live form, and the same pages as for the whole text at once. The text arrives in
    pieces of these sizes, over and over."""
    document = AnswerDocument(limit=limit, max_pages=MOST_PAGES)
    at = turn = 0
    while at < len(text):
        size = sizes[turn % len(sizes)]
        document.feed(text[at : at + size])
        check_bodies(document.pages(), limit)
        at, turn = at + size, turn + 1
    document.close()
    pages = document.pages()
    check_bodies(pages, limit)
    assert pages == render(text, limit=limit, max_pages=MOST_PAGES), "other pages than those of the whole text"


def check_bodies(pages: tuple[str, ...], limit: int) -> None:
    """What holds for every page at every moment."""
    for body in pages:
        assert len(body) <= limit, "a page is too long"
        assert body.count("```") % 2 == 0, "a fence is open at the end of a page"
        assert not live_forms(body), "a live form"


def check_code(code: str, limit: int) -> None:
    """A block of this code shows all of it, and nothing else. A U+200B may stand between backticks."""
    fence = "`" * 3
    while fence in code:
        fence += "`"
    pages = render(f"{fence}\n{code}\n{fence}", limit=limit, max_pages=MOST_PAGES)
    shown = "".join(body.removeprefix("```\n").removesuffix("\n```") for body in pages)
    assert _bare(shown) == _bare(code), "code was changed"


def _bare(code: str) -> str:
    return code.replace("\u200b", "").replace("\n", "")


def check_work(text: str) -> None:
    """No step, and no text as a whole, takes more work than its length allows."""
    document = AnswerDocument(limit=3650, max_pages=MOST_PAGES)
    work = 0
    for at in range(0, len(text), SLICE):
        work += _step(partial(document.feed, text[at : at + SLICE]))
        work += _step(document.pages)
    document.close()
    work += _step(document.pages)
    assert work <= CALLS_FOR_ANY_TEXT + MOST_CALLS_PER_CHARACTER * len(text), f"{work} calls in all"


def _step(step: Callable[[], object]) -> int:
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        if event == "c_call":
            calls += not _is_of_the_fuzzer(getattr(argument, "__module__", None))
        elif event == "call":
            calls += not _is_of_the_fuzzer(frame.f_globals.get("__name__"))

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        step()
    finally:
        sys.setprofile(before)
    assert calls <= MOST_CALLS_IN_A_STEP, f"{calls} calls in one step"
    return calls


def _is_of_the_fuzzer(module: str | None) -> bool:
    """Whether a call is one that the fuzzer adds to every branch and comparison to see where the code goes."""
    return module is not None and module.partition(".")[0] == "atheris"
