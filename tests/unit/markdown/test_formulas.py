"""Formulas on one line have the value that they have in two dimensions."""

import pytest

from bot.markdown.document import render
from bot.markdown.inline.latex import subscript, superscript, to_unicode


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


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (r"\alpha\beta \Gamma", "αβ Γ"),
        (r"\lambda x", "λ x"),
        (r"\varepsilon \to 0", "ε → 0"),
        (r"a \cdot b \times c", "a · b × c"),
        (r"x_1^2", "x₁²"),
        (r"x^{10}y", "x¹⁰y"),
        (r"e^{i\pi}", "e^(iπ)"),
        (r"e^{-x}", "e⁻ˣ"),
        (r"x_{max}", "xₘₐₓ"),
        (r"x_{q}", "x_q"),
        (r"a^{b}c", "aᵇc"),
        (r"\sum_{i=1}^{n} i", "∑ᵢ₌₁ⁿ i"),
        (r"\log n", "log n"),
        (r"\log_2 n", "log ₂ n"),
        (r"O(n \log n)", "O(n log n)"),
        (r"a\,b\;c\:d\!e", "a b c de"),
        (r"a\quad b\qquad c", "a b c"),
        (r"\text{if } x", "if x"),
        (r"\mathbf{x}\mathrm{d}y", "xdy"),
        (r"\operatorname{rank} A", "rank A"),
        (r"\left( x \right)", "( x )"),
        (r"\left. x \right|", "x |"),
        (r"\left.\frac{a}{b}\right|", "a/b|"),
        (r"\big( x \big)", "( x )"),
        (r"\displaystyle x", "x"),
        (r"\hat{x} \vec v \bar{x}", "x̂ v⃗ x̄"),
        (r"\mathbb{R}^n", "ℝⁿ"),
        (r"\mathbb N", "ℕ"),
        (r"\binom{n}{k} \boxed{x}", "C(n, k) x"),
        (r"\dfrac{1}{2} \tfrac{1}{2}", "(1/2) (1/2)"),
        (r"\frac{a+b}{c-d}", "(a+b)/(c-d)"),
        (r"\frac{10}{3}", "10/3"),
        (r"\frac{x_1}{y_2}", "x₁/y₂"),
        (r"\frac{1}{\sin x}", "1/(sin x)"),
        (r"\frac{\partial f}{\partial x}", "(∂ f)/(∂ x)"),
        (r"\frac{}{x}", "()/x"),
        (r"\sqrt 2", "√2"),
        (r"\sqrt{12}", "√12"),
        (r"\sqrt{x_1}", "√x₁"),
        (r"\sqrt[3] x", "³√x"),
        (r"\sqrt{a}\sqrt{b}", "(√a)√b"),
        (r"\{x \mid x > 0\}", "{x ∣ x > 0}"),
        (r"\$5 \& \#1 \_", "$5 & #1 _"),
        (r"\|x\|", "‖x‖"),
        (r"{a}{b}", "ab"),
        (r"x' + y''", "x' + y''"),
        ("a\nb", "a b"),
        (r"x^ {2}", "x²"),
        (r"x^\text{th}", "xᵗʰ"),
        (r"\frac{1}{2}x", "(1/2)x"),
        (r"\frac{1}{2}\cdot x", "1/2· x"),
        (r"x\frac{1}{2}", "x(1/2)"),
        (r"\frac{1}{2} ", "1/2"),
        (r"\frac{1}{2}!", "(1/2)!"),
        (r"(\frac{1}{2})", "(1/2)"),
        (r"\int\frac{1}{x}", "∫1/x"),
        (r"2\sqrt{x}", "2√x"),
    ],
)
def test_formulas_on_one_line(formula: str, expected: str) -> None:
    """Greek letters, symbols, raised and lowered characters, fractions, roots, accents, spaces and brackets."""
    assert to_unicode(formula) == expected


@pytest.mark.parametrize(
    "formula", ["", " ", "\\", "x_", "^", "\\frac{1}{", "{x", "x}", "\\left(\\unknown", "\\hat", "\\binom{n}"]
)
def test_what_is_broken_has_no_form(formula: str) -> None:
    assert to_unicode(formula) is None


def test_a_formula_has_limits() -> None:
    """Two thousand characters and twenty levels: more is shown as its source."""
    assert to_unicode("x" * 2000) == "x" * 2000
    assert to_unicode("x" * 2001) is None
    assert to_unicode("{" * 20 + "x" + "}" * 20) == "x"
    assert to_unicode("{" * 21 + "x" + "}" * 21) is None


def test_raised_and_lowered() -> None:
    """All of a text or none of it; spaces between are left out."""
    assert superscript("n + 1") == "ⁿ⁺¹"
    assert subscript("i, j") is None
    assert subscript("i j") == "ᵢⱼ"
    assert superscript("Q") is None
    assert superscript("") is None
    assert superscript(" ") is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("$$ x^2 $$", "x²"),
        ("$$\nx\n+ 1\n$$", "x + 1"),
        ("\\[ \\alpha \\]", "α"),
        ("$$\nx & y\n$$", "```latex\nx & y\n```"),
        ("a\n\n$$\nx & y\nz\n$$\nb", "a\n```latex\nx & y\nz\n```\nb"),
        ("$$\nx\n\nb", "```latex\nx\n```\nb"),
        ("$$\n$$\nb", "b"),
        ("\\begin{align}\na &= b\n\\end{align}\nc", "```latex\n\\begin{align}\na &= b\n\\end{align}\n```\nc"),
        ("> $$ x^2 $$", "> x²"),
        ("> $$\n> x & y\n> $$", "> ```latex\n> x & y\n> ```"),
        ("- a\n\n  $$ x^2 $$", "- a\n\n  x²"),
        ("a\n\n$$ x*y*z $$\n\nb", "a\n\nx\\*y\\*z\n\nb"),
        ("$$\n```\n$$", "\\`\\`\\`"),
        ("$$\n``` & x\n$$", "```latex\n`\u200b`\u200b` & x\n```"),
        ("$$ x $$ y", "x y"),
    ],
)
def test_displayed_formulas(text: str, shown: str) -> None:
    """Readable where that is certain, else code; a blank line ends one that is never closed."""
    assert render(text, limit=1900) == (shown,)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("let $X^2$ be", "let X² be"),
        ("let $$X_1$$ be", "let X₁ be"),
        ("let \\(X\\) and \\[Y\\] be", "let X and Y be"),
        ("**so $x^2$**", "**so x²**"),
        ("[see $x^2$](https://a.example)", "[see x²](<https://a.example>) (a.example)"),
        ("$5 or $x$", "$5 or x"),
        ("a $x y", "a $x y"),
        ("so $x & y$ it", "so `$x & y$` it"),
        ("so $$x\n& y$$ it", "so `$$x & y$$` it"),
        ("$a*b$ and *c*", "a\\*b and *c*"),
    ],
)
def test_formulas_in_a_line(text: str, shown: str) -> None:
    """As readable text, or as code with its source; prices and lone dollars are text."""
    assert render(text, limit=1900) == (shown,)


def test_a_displayed_formula_has_a_limit() -> None:
    """After three thousand characters it is shown, and what follows is text."""
    page = render("$$\n" + "x & y\n" * 600, limit=3900)[0]
    assert page.startswith("```latex\nx & y\n")
    assert page.endswith("x & y")
