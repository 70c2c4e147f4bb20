"""Emphasis as Discord and readers mean it, where CommonMark's rule was made for languages with spaces."""

import pytest

from bot.markdown.document import AnswerDocument, render
from bot.markdown.inline.emphasis import flanks


def shown(text: str) -> str:
    """The only page, checked to be the same when the text arrives character by character."""
    document = AnswerDocument(limit=1900)
    for character in text:
        document.feed(character)
        document.pages()
    document.close()
    (page,) = render(text, limit=1900)
    assert document.pages() == (page,)
    return page


@pytest.mark.parametrize(
    "text",
    [
        "**注意：**請先備份。これは**「重要」**な点です。",
        "문서는 **마크다운(Markdown)**을 쓴다.",
        "~~（舊）。~~新",
        "他说**“你好”**然后走了。",
        "*（注）*本文と*「強調」*です。",
        "***「全部」***の件",
    ],
)
def test_r1_emphasis_beside_cjk_punctuation_is_drawn(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize(
    "text", ["**Note:**text and **more**", 'say**"this"**now', "**Done ✅**next", "~~(old).~~new"]
)
def test_r1_a_pair_without_a_space_is_drawn_in_other_scripts_too(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a ** b ** c", "a \\*\\* b \\*\\* c"),
        ("f(**a), g(**b)", "f(\\*\\*a), g(\\*\\*b)"),
        ("src/**x and lib/**y", "src/\\*\\*x and lib/\\*\\*y"),
        ("一 * 二 * 三", "一 \\* 二 \\* 三"),
        ("snake_case_name und 变量_名_字", "snake_case_name und 变量_名_字"),
    ],
)
def test_r1_what_nobody_means_as_emphasis_stays_text(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_r1_strict_pairs_come_first() -> None:
    """A mark that could close a broken pair closes its own."""
    assert shown("**open (**bold** more") == "\\*\\*open (**bold** more"


@pytest.mark.parametrize(
    ("before", "after", "mark", "opens", "closes"),
    [
        ("a", "b", "*", True, True),
        (" ", "b", "*", True, False),
        ("a", " ", "*", False, True),
        (" ", " ", "*", False, False),
        ("a", "(", "*", False, True),
        (")", "a", "*", True, False),
        (")", " ", "*", False, True),
        (" ", "(", "*", True, False),
        (")", "(", "*", True, True),
        ("a", "b", "_", False, False),
        (" ", "b", "_", True, False),
        ("a", " ", "_", False, True),
        ("(", "b", "_", True, False),
        ("b", ")", "_", False, True),
        (")", "(", "_", True, True),
        ("。", "字", "*", True, True),
        ("字", "「", "*", True, True),
        ("字", ".", "*", True, True),
        (")", "字", "*", True, True),
        ("字", "「", "_", False, True),
        ("한", "(", "~", True, True),
        ("€", "a", "*", True, False),
    ],
)
def test_what_opens_and_what_closes(before: str, after: str, mark: str, opens: bool, closes: bool) -> None:
    """CommonMark's rule, in which CJK punctuation counts as a letter, and a CJK neighbour as a space."""
    assert flanks(before, after, mark) == (opens, closes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("***both***", "***both***"),
        ("****four****", "**four**"),
        ("******six******", "**six**"),
        ("*******seven*******", "\\*" * 7 + "seven" + "\\*" * 7),
        ("*it **bold** it*", "*it **bold** it*"),
        ("**bold *it* bold**", "**bold *it* bold**"),
        ("~one~", "\\~one\\~"),
        ("x ~~~three~~~ y", "x \\~~~three~~\\~ y"),
        ("a**b**c", "a**b**c"),
        ("_it_ __bold__", "*it* **bold**"),
        ("**a", "\\*\\*a"),
        ("**a*", "\\**a*"),
        ("*a**", "*a*\\*"),
        ("`*a* b", "\\`*a* b"),
        ("``*a* b", "\\`\\`*a* b"),
        ("x**)y** z", "x\\*\\*)y\\*\\* z"),
        ("x**”y** z", "x\\*\\*”y\\*\\* z"),
        ("x**!y** z", "x\\*\\*!y\\*\\* z"),
        ('**"a"b** c', '**"a"b** c'),
    ],
)
def test_pairs_and_what_has_none(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "**(a)**b **(c)**d",
        "**「a」**b~~(c)~~d",
    ],
)
def test_r1_several_pairs_without_spaces(text: str) -> None:
    """Each pair closes its own."""
    assert shown(text) == text
