"""Tables whose later rows are wider than the first ones promised."""

import pytest

from bot.markdown.blocks.tables import WIDEST
from bot.markdown.characters import width
from bot.markdown.document import render

NARROW = "| a | b |\n|---|---|\n| one | two |\n"


def columns(page: str) -> tuple[list[str], list[str]]:
    """The cells of both columns, line by line, below the header; each line fits into the widest table."""
    lines = page.removeprefix("```\n").removesuffix("\n```").splitlines()
    assert all(width(line) <= WIDEST for line in lines)
    pairs = [f"{line} │".split("│") for line in lines[2:]]
    return [pair[0].strip() for pair in pairs], [pair[1].strip() for pair in pairs]


@pytest.mark.parametrize("rows_before", [0, 3, 30])
@pytest.mark.parametrize(
    "cell",
    ["word " * 30, "x" * 200, "汉字" * 60, "short " + "y" * 90 + " end", "e\u0301" * 150],
    ids=lambda c: c[:6],
)
def test_a_wide_cell_is_wrapped_and_nothing_is_lost(cell: str, rows_before: int) -> None:
    """Also after the widths were fixed; words are cut only where one of them is wider than a table may be."""
    source = NARROW + "| r | s |\n" * rows_before + f"| late | {cell} |"
    (page,) = render(source, limit=4000)

    first, second = columns(page)
    assert "".join(first[rows_before + 1 :]) == "late"
    assert "".join(second[rows_before + 1 :]).replace(" ", "") == cell.replace(" ", "")
    if cell.startswith("word"):
        assert all(set(line.split()) == {"word"} for line in second[rows_before + 1 :])


def test_two_wide_cells_share_the_width() -> None:
    """Each is wrapped in its own column."""
    (page,) = render(NARROW + f"| {'left ' * 20} | {'right ' * 20} |", limit=4000)

    first, second = columns(page)
    assert " ".join(first).split() == ["one", *["left"] * 20]
    assert " ".join(second).split() == ["two", *["right"] * 20]


def test_columns_without_end_are_no_table() -> None:
    """A row is read in one step, so a table has at most 24 columns; more is shown as it was written."""
    row = "|" + "1|" * 25
    assert "```" not in render(f"{row}\n|{'---|' * 25}\n{row}", limit=1900)[0]
    assert render(f"|{'1|' * 24}\n|{'---|' * 24}\n|{'2|' * 24}", limit=1900)[0].startswith("- **1:** 2")
