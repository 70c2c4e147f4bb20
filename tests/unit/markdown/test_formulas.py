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
