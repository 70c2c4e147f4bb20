"""Formulas on one line have the value that they have in two dimensions."""

import pytest

from bot.markdown.document import render
from bot.markdown.inline.latex import to_unicode


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (r"\frac{\sqrt{3}}{2}i", "((√3)/2)i"),
        (r"\frac{a}{b}c", "(a/b)c"),
        (r"\sqrt[3]{8}", "³√8"),
        (r"\left.\frac{df}{dx}\right|_{x=0}", "df/dx|ₓ₌₀"),
    ],
)
def test_r4_formulas_keep_their_value(formula: str, expected: str) -> None:
    assert to_unicode(formula) == expected


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (r"2\frac{1}{3}", "2(1/3)"),
        (r"\frac{a}{b}\frac{c}{d}", "(a/b)(c/d)"),
        (r"\frac{a}{b}^2", "(a/b)²"),
        (r"\frac{a}{b} + c", "a/b + c"),
        (r"\sin\frac{x}{2}", "sin (x/2)"),
        (r"\frac{1}{2x}", "1/(2x)"),
        (r"\frac{dy}{dx}", "dy/dx"),
        (r"1/\frac{a}{b}", "1/(a/b)"),
        (r"\left|\frac{a}{b}\right|", "|a/b|"),
    ],
)
def test_r4_fractions_beside_other_factors(formula: str, expected: str) -> None:
    assert to_unicode(formula) == expected


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (r"\sqrt{x}y", "(√x)y"),
        (r"\sqrt{xy}", "√(xy)"),
        (r"\sqrt{x^2}", "√(x²)"),
        (r"2\sqrt[3]{8}", "2(³√8)"),
        (r"\sqrt[n]{x}+1", "ⁿ√x+1"),
        (r"x^Q y", "x^(Q) y"),
    ],
)
def test_r4_roots_and_powers_beside_other_factors(formula: str, expected: str) -> None:
    assert to_unicode(formula) == expected


@pytest.mark.parametrize("formula", [r"\sqrt[\alpha]{3}", r"\sqrt[", r"\frac{a}", r"\frac" * 300, "{" * 300])
def test_r4_what_has_no_safe_form_is_shown_as_its_source(formula: str) -> None:
    assert to_unicode(formula) is None


def test_r4_the_source_is_code() -> None:
    assert render(r"So $\sqrt[\alpha]{3}$ it is.", limit=1900) == (r"So `$\sqrt[\alpha]{3}$` it is.",)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (r"\binom{n}{k}", "C(n, k)"),
        (r"\boxed{42}", "42"),
        (r"\mathbb{R}", "ℝ"),
        (r"\mathbb{x}", "x"),
        (r"\hat{xy}", "hat(xy)"),
        (r"\overline{AB}", "overline(AB)"),
        (r"x^\alpha", "x^α"),
        (r"x_\infty", "x_∞"),
        (r"\frac12", "1/2"),
        (r"\frac 1 2", "1/2"),
        (r"\{a\}", "{a}"),
        (r"a\ b", "a b"),
        (r"50\%", "50%"),
    ],
)
def test_commands_that_have_a_plain_form(formula: str, expected: str) -> None:
    """An argument is a group, a command or one character; an accent over several letters is written as a word."""
    assert to_unicode(formula) == expected


@pytest.mark.parametrize(
    "formula", ["x^ ", "x}", r"\@", r"\sqrt[3", r"\unknown{x}", r"\frac{1}", r"a & b", r"a \\ b"]
)
def test_what_is_incomplete_or_unknown_is_shown_as_its_source(formula: str) -> None:
    """A guess could have another value."""
    assert to_unicode(formula) is None
