"""HTML tags, pictures and code where a model mixes them into a line, a link's label or a table's cell."""

import pytest

from bot.markdown.document import render
from bot.markdown.inline.html import is_paired, may_become_tag, parsed, tag_end

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
        ("[a.example/x](https://a.example/x)", "a.example/x"),
        ("[l](javascript:x) [m](/docs)", "[l](javascript:x) m"),
        ("x<hr>y<p>z</p>", "x y z"),
        ("x[^1] <b>`c`</b>", "x¹ c"),
        ("![](https://a.example/i.png)", "https://a.example/i.png"),
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


@pytest.mark.parametrize(
    ("source", "at", "end"),
    [
        ("<b>x", 0, 3),
        ("a <i class='>'>x", 2, 15),
        ("</b>", 0, 4),
        ("<br/>", 0, 5),
        ("<!-- c -->x", 0, 10),
        ("a <!-- > -->", 2, 12),
        ("<!-- never", 0, None),
        ("<!-->", 0, None),
        ("<b", 0, None),
        ("<1>", 0, None),
        ("< b>", 0, None),
        (f"<!--{'x' * 393}-->", 0, 400),
        (f"<!--{'x' * 394}-->", 0, None),
    ],
)
def test_where_a_tag_ends(source: str, at: int, end: int | None) -> None:
    """A comment has a limit, so that one that never ends costs little."""
    assert tag_end(source, at) == end


@pytest.mark.parametrize(
    ("tag", "known"),
    [
        ("<B>", ("b", False, {})),
        ("</Strong >", ("strong", True, {})),
        ("<a HREF='x' title=y>", ("a", False, {"href": "x", "title": "y"})),
        ('<a href="a&amp;b">', ("a", False, {"href": "a&b"})),
        ("<img alt='' src=x />", ("img", False, {"alt": "", "src": "x"})),
        ("<foo>", None),
        ("<b> ", None),
        ("<!-- b -->", None),
    ],
)
def test_known_tags_and_their_attributes(tag: str, known: tuple[str, bool, dict[str, str]] | None) -> None:
    assert parsed(tag) == known


def test_tags_that_need_another_one() -> None:
    """Those that set marks, raise or lower, or link; not those that stand alone."""
    tags = ("<b>", "<a href=x>", "<sub>", "</b>", "</sup>", "<br>", "<b/>", "<span>", "<foo>", "</p>")
    assert [is_paired(tag) for tag in tags] == [1, 1, 1, -1, -1, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("<", True),
        ("</", True),
        ("<b", True),
        ("<str", True),
        ("</DIV", True),
        ("<div class='x", True),
        ("<b/", True),
        ("<h", True),
        ("<https", True),
        ("<http://a.example/x", True),
        ("<mailto:a", True),
        ("<fox", False),
        ("<foo class='x", False),
        ("<fo/", False),
        ("<1", False),
        ("< b", True),
        ("<b>", False),
        ("<div \n\n", False),
        ("<https://a b", False),
    ],
)
def test_what_may_still_become_a_tag_or_an_address(text: str, may: bool) -> None:
    """It is held back as long as it may; anything else is shown at once."""
    assert may_become_tag(text) is may


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("<p>one</p><p>two</p>", "one\ntwo"),
        ("<ul><li>one</li><li>two</li></ul>x", "• one\n• two\nx"),
        ("<h2>Title</h2>text", "**Title**\ntext"),
        ("<b>a <i>b</b> c</i>", "**a *b***\u200b* c*"),
        ("a</b> b", "a b"),
        ("<b>open", "**open**"),
        ("<code>a*b</code> <kbd>x</kbd>", "`a*b` `x`"),
        ("<code>a `b` c</code>", "`a `\u200b`b`\u200b` c`"),
        ("<a href='https://a.example'>open", "[open](<https://a.example>) (a.example)"),
        (
            "<a href='https://a.example'><img alt='logo' src='https://b.example'></a>",
            "[logo](<https://a.example>) (a.example)",
        ),
        ("<sup>a?</sup> <sub>Q</sub>", "^(a?) \\_(Q)"),
        ("<sup>2</sup>x", "²x"),
        ("<img src='https://a.example/i'>", "<https://a.example/i>"),
        ("<u>under</u> <s>gone</s>", "__under__ ~~gone~~"),
        ("x<!-- note -->y", "x<!-- note -->y"),
        (
            "<A HREF='https://a.example'>see https://b.example</A> https://c.example",
            "see https:\u200b//b.example <https://a.example> <https://c.example>",
        ),
    ],
)
def test_tags_in_and_around_other_markup(source: str, shown: str) -> None:
    """Marks that overlap are closed and opened again; an address in a link is its label."""
    assert render(source, limit=1900) == (shown,)
