"""Whole answers and the exact pages for them: tests/data/rendering/<name>.md → <name>.expected.

In the expected files, pages are separated by a line of `=====` and U+200B is written {ZWSP}. To accept a change:
`python -m tests.unit.markdown.test_golden`, then read the difference.
"""

from pathlib import Path

import pytest

from bot.markdown.document import AnswerDocument, render

DATA = Path(__file__).parents[2] / "data" / "rendering"
LIMITS = {"split": 220}
NAMES = sorted(path.stem for path in DATA.glob("*.md"))


def as_expected(pages: tuple[str, ...]) -> str:
    return "\n=====\n".join(pages).replace("\u200b", "{ZWSP}") + "\n"


def pages_of(name: str) -> tuple[str, ...]:
    text = (DATA / f"{name}.md").read_text(encoding="utf-8")
    return render(text, limit=LIMITS.get(name, 1900))


@pytest.mark.parametrize("name", NAMES)
def test_golden(name: str) -> None:
    assert as_expected(pages_of(name)) == (DATA / f"{name}.expected").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1, 7])
def test_golden_streamed(name: str, size: int) -> None:
    """The same pages when the answer arrives a few characters at a time."""
    text = (DATA / f"{name}.md").read_text(encoding="utf-8")
    document = AnswerDocument(limit=LIMITS.get(name, 1900))
    for at in range(0, len(text), size):
        document.feed(text[at : at + size])
        document.pages()
    document.close()
    assert document.pages() == pages_of(name)


if __name__ == "__main__":
    for each in NAMES:
        (DATA / f"{each}.expected").write_text(as_expected(pages_of(each)), encoding="utf-8")
