"""Code and links in a line, found in one pass, and what later text may still close."""

import pytest

from bot.markdown.inline.outline import Outline, Span, outline


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("plain", Outline()),
        ("`a`", Outline(codes={0: Span(1, 2, 3)})),
        ("x ``a`b`` y", Outline(codes={2: Span(4, 7, 9)})),
        ("`a` `b`", Outline(codes={0: Span(1, 2, 3), 4: Span(5, 6, 7)})),
        ("``a`", Outline(open={0: "``", 3: "`"})),
        ("`a", Outline(open={0: "`"})),
        ("\\`a`", Outline(open={3: "`"})),
        ("[a](b)", Outline(links={0: Span(1, 2, 6, "b")})),
        ("x [a](b) [c](d)", Outline(links={2: Span(3, 4, 8, "b"), 9: Span(10, 11, 15, "d")})),
        ("![a](b)", Outline(links={0: Span(2, 3, 7, "b")})),
        ("[a](<b c>)", Outline(links={0: Span(1, 2, 10, "b c")})),
        ("[a]( b 'title' )", Outline(links={0: Span(1, 2, 16, "b")})),
        ("[a]()", Outline(links={0: Span(1, 2, 5)})),
        ("[a](b(c))", Outline(links={0: Span(1, 2, 9, "b(c)")})),
        ("[`]`](b)", Outline(codes={1: Span(2, 3, 4)}, links={0: Span(1, 4, 8, "b")})),
        ("[![a](b)](c)", Outline(links={1: Span(3, 4, 8, "b"), 0: Span(1, 8, 12, "c")})),
        ("[a [b](c) d](e)", Outline(links={3: Span(4, 5, 9, "c")})),
        ("[a [b](c) d](e) [f](g)", Outline(links={3: Span(4, 5, 9, "c"), 16: Span(17, 18, 22, "g")})),
        ("![a [b](c) d](e)", Outline(links={4: Span(5, 6, 10, "c"), 0: Span(2, 12, 16, "e")})),
        ("[a] b", Outline()),
        ("a] (b)", Outline()),
        ("\\[a](b)", Outline()),
        ("[a\\[0\\]](b)", Outline(links={0: Span(1, 7, 11, "b")})),
        ("![a\\]](b)", Outline(links={0: Span(2, 5, 9, "b")})),
    ],
)
def test_code_and_links(source: str, found: Outline) -> None:
    """Code comes first, a link is in no link, and a picture may be in one."""
    assert outline(source) == found


@pytest.mark.parametrize(
    ("source", "still_open"),
    [
        ("[a", {0: "["}),
        ("[a]", {0: "["}),
        ("[a](b", {0: "["}),
        ("[a](b(c) d", {0: "["}),
        ("![a", {0: "["}),
        ("x [a [b", {2: "[", 5: "["}),
        ("[a\nb", {}),
        ("a\n[b", {2: "["}),
        ("[a](b\nc", {}),
        ("[a](b) [c", {7: "["}),
        ("[a [b](c) d", {0: "["}),
    ],
)
def test_brackets_that_may_still_become_links(source: str, still_open: dict[int, str]) -> None:
    """On the last line: Discord's links do not go over lines."""
    assert outline(source).open == still_open
