"""Tables whose later rows are wider than the first ones promised."""

import pytest

from bot.markdown.blocks.tables import (
    WIDEST,
    Align,
    begins_row,
    cells,
    delimiter,
    first_pipe,
    may_be_header,
)
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


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("| a | b |", ["a", "b"]),
        ("a|b", ["a", "b"]),
        ("  | a |b", ["a", "b"]),
        ("| a \\| b | c |", ["a | b", "c"]),
        ("| a \\|", ["a |"]),
        ("| a\u200b |  |", ["a", ""]),
        ("|", [""]),
    ],
)
def test_the_cells_of_a_row(line: str, found: list[str]) -> None:
    """The outer pipes may be missing; a pipe with a backslash is text."""
    assert cells(line) == found


def test_the_row_of_dashes() -> None:
    """At least a dash in each cell, with a colon where the text is aligned to."""
    left, right, center = Align.LEFT, Align.RIGHT, Align.CENTER
    assert delimiter("|---|:-:|--:|:--|") == [left, center, right, left]
    assert delimiter("-|-:") == [left, right]
    for line in ("---", "| a |", "|:|", "|--|-a|", "||", "|-" * 25 + "|"):
        assert delimiter(line) is None
    assert delimiter("|-" * 24 + "|") == [left] * 24


def test_what_may_be_a_header() -> None:
    """A pipe that separates cells; two in a row are a spoiler or an "or"."""
    assert [first_pipe(line) for line in ("a | b", "|a", "a || b", "a \\| b", "||a|| | b")] == [
        2,
        0,
        None,
        None,
        6,
    ]
    assert [begins_row(line) for line in ("| a", "|", "||a||", "a |", "")] == [True, True, False, False, False]
    assert [may_be_header(line) for line in ("a | b", "| a", "a |", "a", "a || b")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def drawn(*rows: str) -> str:
    """The only page with this table."""
    (page,) = render("\n".join(rows), limit=3900)
    return page


def test_columns_are_aligned() -> None:
    """To the left, in the middle and to the right; a row may have fewer cells or more."""
    page = drawn("| l | c | r |", "|:--|:-:|--:|", "| aaaa | bbbb | cccc |", "| d |", "| e | f | g | h |")
    assert page == (
        "```\n"
        "l    │  c   │     r\n"
        "─────┼──────┼──────\n"
        "aaaa │ bbbb │  cccc\n"
        "d    │      │\n"
        "e    │  f   │ g | h\n"
        "```"
    )


def test_wide_letters_take_two_columns() -> None:
    assert drawn("| 名前 | n |", "|--|-:|", "| 太郎 | 1 |", "| x | 23 |") == (
        "```\n名前 │  n\n─────┼───\n太郎 │  1\nx    │ 23\n```"
    )


def test_a_table_too_wide_is_a_list() -> None:
    """Each row an item, its cells under the names of their columns; empty cells are left out."""
    long = "a long cell with many words in it that goes on"
    page = drawn("| Name | **What** |  |", "|--|--|--|", f"| x | {long} | {long} |", f"|  | `y` | {long} |")
    assert page == f"- **Name:** x\n  **What:** {long}\n  {long}\n- **What:** `y`\n  {long}"


@pytest.mark.parametrize(("columns", "form"), [(8, "```"), (9, "- ")])
def test_more_than_eight_columns_are_a_list(columns: int, form: str) -> None:
    """A phone shows no more."""
    row = "|" + "1|" * columns
    assert drawn(row, "|" + "-|" * columns, row).startswith(form)


def test_the_first_row_decides_by_its_width() -> None:
    """Sixty columns fit; with one more it is a list."""
    assert drawn("| a | b |", "|-|-|", f"| {'x' * 28} | {'y' * 29} |").startswith("```")
    assert drawn("| a | b |", "|-|-|", f"| {'x' * 29} | {'y' * 29} |").startswith("- ")


def test_a_table_ends_where_rows_end() -> None:
    """At a line without a pipe, a blank one, or another block; a header without rows is a table too."""
    table = "```\na │ b\n──┼──\n1 │ 2\n```"
    head = "| a | b |\n|-|-|\n1 | 2\n"
    assert drawn(f"{head}words") == f"{table}\nwords"
    assert drawn(f"{head}\n| c |") == f"{table}\n| c |"
    assert drawn(f"{head}- item | x") == f"{table}\n- item | x"
    assert drawn(f"{head}x \\| y") == f"{table}\nx | y"
    assert drawn("| a | b |\n|-|-|") == "```\na │ b\n──┼──\n```"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("> | a |\n> |-|\n> | 1 |\n> end", "> ```\n> a\n> ─\n> 1\n> ```\n> end"),
        ("- item\n\n  | a |\n  |-|\n  | 1 |", "- item\n```\na\n─\n1\n```"),
        ("| a | b |\n|---|\n| 1 |", "| a | b |\n|---|\n| 1 |"),
        ("| a |\n> |-|", "| a |\n> |-|"),
        ("| a |\n|-|x", "| a |\n|-|x"),
    ],
)
def test_tables_in_other_blocks_and_what_is_none(text: str, shown: str) -> None:
    """The row of dashes has as many cells as the header, and stands in the same quote."""
    assert render(text, limit=1900) == (shown,)


def test_a_long_table_keeps_the_widths_of_its_first_rows() -> None:
    """Later rows are wider only where a word would be cut."""
    rows = [f"| {number} | x |" for number in range(8)]
    lines = drawn("| a | b |", "|-|-|", *rows, "| 8 | xyz |", "| 9 | x |").splitlines()
    assert lines[1:4] == ["a │ b", "──┼──", "0 │ x"]
    assert lines[-4:] == ["7 │ x", "8 │ xyz", "9 │ x", "```"]
