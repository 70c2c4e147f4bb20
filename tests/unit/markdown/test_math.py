"""Where formulas in running text begin and end, and what else a dollar is."""

import pytest

from bot.markdown.inline.math import INCOMPLETE, inline_end


@pytest.mark.parametrize(
    "source",
    ["$x$", "$x^2 + 1$", "$AB$", "$a\\$b$", "$$x$$", "\\(x\\)", "\\[x\\]", "$5x$", "$1$", f"$x{'y' * 247}$"],
)
@pytest.mark.parametrize("before", ["", "so "])
def test_a_formula_ends_with_its_closer(source: str, before: str) -> None:
    """Whatever stands before and after it."""
    assert inline_end(f"{before}{source} z", len(before)) == len(before) + len(source)


@pytest.mark.parametrize(
    "source",
    [
        "$5 and $6",
        "$5",
        "$5k and $6",
        "$1,000.50. $x",
        "$20USD $",
        "$HOME/bin $x",
        "$ x$",
        "$x $",
        "$x$5",
        "$x\ny$",
        "$$ $$",
        "\\(  \\)",
        f"${'x' * 249}$",
        f"$${'x' * 997}$$",
    ],
)
def test_prices_variables_and_lone_dollars_are_text(source: str) -> None:
    """So is what is too long for a formula in a line."""
    assert inline_end(source, 0) is None


@pytest.mark.parametrize(
    "source", ["$", "$x", "$x^{", "$$x", "$$", "\\(x", "\\(x\\]", "\\[x\\)", f"${'x' * 248}", f"$${'x' * 997}"]
)
def test_what_later_text_may_close_is_incomplete(source: str) -> None:
    """It is held back meanwhile."""
    assert inline_end(source, 0) == INCOMPLETE


def test_only_what_stands_after_the_opener_counts() -> None:
    """A formula late in a long text is waited for as one at its start is."""
    before = "y" * 600
    assert inline_end(f"{before}$$x", 600) == INCOMPLETE
    assert inline_end(f"{before}$x", 600) == INCOMPLETE
    assert inline_end(f"{before}$x$", 600) == 603


def test_what_has_become_too_long_is_not_waited_for() -> None:
    """So much text would be held back."""
    assert inline_end(f"${'x' * 249}", 0) is None
    assert inline_end(f"$${'x' * 998}", 0) is None
    assert inline_end(f"$${'x' * 996}$$", 0) == 1000
