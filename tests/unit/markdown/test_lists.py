"""Lists: how deep an item is, which number it has, and what text belongs to it."""

import pytest

from bot.markdown.blocks.lists import Lists
from bot.markdown.document import render


def prefixes(*items: tuple[int, str]) -> list[str]:
    """What each of these items begins with."""
    lists = Lists()
    return [lists.item(indent, marker)[0] for indent, marker in items]


@pytest.mark.parametrize(
    ("items", "shown"),
    [
        ([(0, "-"), (2, "*"), (0, "+")], ["- ", "  - ", "- "]),
        ([(0, "-"), (1, "-")], ["- ", "- "]),
        ([(0, "-"), (3, "-"), (2, "-")], ["- ", "  - ", "  - "]),
        ([(2, "-"), (0, "-"), (2, "-")], ["- ", "- ", "  - "]),
        ([(0, "-"), (2, "-"), (1, "-")], ["- ", "  - ", "- "]),
        ([(0, "1."), (3, "-"), (3, "2."), (0, "1.")], ["1. ", "  - ", "  2. ", "2. "]),
        ([(4, "-"), (3, "-")], ["- ", "- "]),
        ([(0, "1."), (0, "1."), (0, "1.")], ["1. ", "2. ", "3. "]),
        ([(0, "1."), (0, "5."), (0, "3)")], ["1. ", "5. ", "6) "]),
        ([(0, "0."), (0, "0."), (0, "1.")], ["0. ", "0. ", "1. "]),
        ([(0, "7."), (2, "1."), (0, "8.")], ["7. ", "  1. ", "8. "]),
        ([(0, "1."), (0, "-"), (0, "1.")], ["1. ", "- ", "1. "]),
        ([(0, "1."), (2, "-"), (0, "1.")], ["1. ", "  - ", "2. "]),
        ([(2 * depth, "-") for depth in range(8)], ["  " * min(depth, 5) + "- " for depth in range(8)]),
    ],
)
def test_depth_and_numbers(items: list[tuple[int, str]], shown: list[str]) -> None:
    """Two columns are a level, whatever the marker; numbers count up, or are what the model wrote."""
    assert prefixes(*items) == shown


def test_text_belongs_to_the_item_that_it_stands_under() -> None:
    """Further to the left than an item's text it ends the item."""
    lists = Lists()
    assert not lists
    assert lists.item(0, "-") == ("- ", "  ")
    assert lists.item(2, "-") == ("  - ", "    ")
    assert lists
    assert lists.indent == "    "
    assert lists.text(4) == "    "
    assert lists.text(2) == "  "
    assert lists.text(1) == "  "
    assert lists.text(0) == ""
    assert not lists
    lists.item(0, "-")
    lists.clear()
    assert not lists
    assert lists.indent == ""


def test_a_text_is_indented_six_levels_at_most() -> None:
    lists = Lists()
    for depth in range(9):
        lists.item(2 * depth, "-")
    assert lists.indent == " " * 12


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("- [ ] a\n- [x] b\n- [X] c", "- ☐ a\n- ☑ b\n- ☑ c"),
        ("• a\n• b", "- a\n- b"),
        ("- a\nlazy\n- b", "- a\n  lazy\n- b"),
        ("- a\n\n  more of a\n\nno more", "- a\n\n  more of a\n\nno more"),
        ("1. a\n\n2. b", "1. a\n\n2. b"),
        ("- a\n\n---\n- b", f"- a\n\n{'─' * 20}\n- b"),
        ("- a\n# T\n  - b", "- a\n# T\n- b"),
        ("- a\n> - b\n- c", "- a\n> - b\n- c"),
        ("> - a\n>   - b\n>\n>   more", "> - a\n>   - b\n> \n>   more"),
    ],
)
def test_lists_in_an_answer(text: str, shown: str) -> None:
    """With boxes, text under items, rules, headings and quotes."""
    assert render(text, limit=1900) == (shown,)
