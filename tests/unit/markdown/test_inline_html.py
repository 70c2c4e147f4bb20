"""HTML tags, pictures and code where a model mixes them into a line, a link's label or a table's cell."""

import pytest

from bot.markdown.document import render

RULE = "─" * 20


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ('<a href="https://a.example">site</a>', "[site](<https://a.example>) (a.example)"),
        ("<a>no address</a>", "no address"),
        ('<img alt="cat" src="https://a.example/c.png"> x', "[cat](<https://a.example/c.png>) (a.example) x"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("x <li>one</li><li>two</li> y", "x • one\n• two y"),
        ("a <hr> b", f"a {RULE}\nb"),
        ("a <td>x</td><td>y</td>", "a x · y ·"),
        ("<b>bold</b> <i>it</i> <sub>2</sub> <sup>n</sup>", "**bold** *it* ₂ ⁿ"),
        ("a <foo> b", "a <foo> b"),
    ],
)
def test_tags_become_what_discord_can_show(source: str, shown: str) -> None:
    """An unknown tag is text: it may be a placeholder that the answer is about."""
    assert render(source, limit=1900) == (shown,)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("[`code` name](https://a.example)", "[code name](<https://a.example>) (a.example)"),
        ("[![logo](https://a.example/l) site](https://b.example)", "[logo site](<https://b.example>) (b.example)"),
        ("![chart](https://a.example/c.png)", "[chart](<https://a.example/c.png>) (a.example)"),
        ("[**fat** $x^2$](https://a.example)", "[fat x²](<https://a.example>) (a.example)"),
    ],
)
def test_a_label_is_text(source: str, shown: str) -> None:
    """Discord shows no code, picture or formula inside of a link."""
    assert render(source, limit=1900) == (shown,)


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("![picture](https://a.example/i.png)", "picture"),
        ("x<br>y", "x y"),
        ("<b>x</b> <foo>", "x <foo>"),
        ("$x^2$", "x²"),
        ("`c`", "c"),
        ("[l](https://a.example)", "l (a.example)"),
    ],
)
def test_a_cell_is_text(cell: str, shown: str) -> None:
    """A table is shown as a block of code, in which nothing else is drawn."""
    (page,) = render(f"| a |\n|---|\n| {cell} |", limit=1900)
    assert page.splitlines()[-2].strip() == shown


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("`` `a` ``", "``\u200b`a`\u200b``"),
        ("`` a ` b ``` c ``", "``a ` b `\u200b`\u200b` c``"),
        ("``` `a`` b ```", "``\u200b`a`\u200b` b``"),
    ],
)
def test_backticks_inside_of_code_do_not_end_it(source: str, shown: str) -> None:
    """Discord knows one and two of them as marks, and reads the longest run as the end."""
    assert render(source, limit=1900) == (shown,)
