"""Whole answers and the exact pages for them: tests/data/rendering/<name>.md → <name>.expected, and on the
shortest pages that there are → <name>.narrow; what is left after each of those → <name>.rests.

In the expected files, pages are separated by a line of `=====` and U+200B is written {ZWSP}. To accept a change:
`python -m tests.unit.markdown.test_golden`, then read the difference.
"""

from pathlib import Path

import pytest

from bot.markdown.document import SHORTEST_LIMIT, AnswerDocument, render

DATA = Path(__file__).parents[2] / "data" / "rendering"
LIMITS = {"split": 220}
FORMS = ("expected", "narrow")
NAMES = sorted(path.stem for path in DATA.glob("*.md"))


def as_expected(pages: tuple[str, ...]) -> str:
    return "\n=====\n".join(pages).replace("\u200b", "{ZWSP}") + "\n"


def limit_of(name: str, form: str) -> int:
    return SHORTEST_LIMIT if form == "narrow" else LIMITS.get(name, 1900)


def pages_of(name: str, form: str) -> tuple[str, ...]:
    text = (DATA / f"{name}.md").read_text(encoding="utf-8")
    return render(text, limit=limit_of(name, form), max_pages=50)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_golden(name: str, form: str) -> None:
    assert as_expected(pages_of(name, form)) == (DATA / f"{name}.{form}").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("size", "form"), [(1, "expected"), (7, "narrow")])
def test_golden_streamed(name: str, size: int, form: str) -> None:
    """The same pages when the answer arrives a few characters at a time."""
    text = (DATA / f"{name}.md").read_text(encoding="utf-8")
    document = AnswerDocument(limit=limit_of(name, form), max_pages=50)
    for at in range(0, len(text), size):
        document.feed(text[at : at + size])
        document.pages()
    document.close()
    assert document.pages() == pages_of(name, form)


def rests_of(name: str) -> str:
    """The file that goes on after each page, as far as its first line tells where that is."""
    text = (DATA / f"{name}.md").read_text(encoding="utf-8")
    out = []
    for most in range(1, len(pages_of(name, "narrow"))):
        document = AnswerDocument(limit=SHORTEST_LIMIT, max_pages=most)
        document.feed(text)
        document.close()
        overflow = document.overflow()
        assert overflow is not None
        begins = overflow.rest.lstrip("\n")[:60].replace("\n", "⏎")
        out.append(f"{most} {overflow.rest_name}: {begins}\n")
    return "".join(out)


@pytest.mark.parametrize("name", NAMES)
def test_golden_rests(name: str) -> None:
    """Whichever page is the last one."""
    assert rests_of(name) == (DATA / f"{name}.rests").read_text(encoding="utf-8")


if __name__ == "__main__":
    for each in NAMES:
        for each_form in FORMS:
            (DATA / f"{each}.{each_form}").write_text(as_expected(pages_of(each, each_form)), encoding="utf-8")
        (DATA / f"{each}.rests").write_text(rests_of(each), encoding="utf-8")
