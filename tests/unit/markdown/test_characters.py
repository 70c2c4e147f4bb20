"""Characters that are removed from text, and code, in which none is."""

import pytest

from bot.markdown.characters import (
    REMOVED_OUTSIDE_CODE,
    clean,
    clean_code,
    clean_inline_code,
    cut,
    cut_at,
    joins,
    width,
    without_invisible_start,
)
from bot.markdown.document import AnswerDocument, render

BRAILLE = "⠀⢀⣴⠾⠻⣶⡀⠀\n⠀⣿⠀⠀⠀⣿⠀⠀"
INVISIBLE = "a\u2800b\u200bc\u202ed\u00ade\u3164f\ufeffg\u2066h"


def streamed(text: str, limit: int = 1900) -> tuple[str, ...]:
    document = AnswerDocument(limit=limit)
    for character in text:
        document.feed(character)
        document.pages()
    document.close()
    assert document.pages() == render(text, limit=limit)
    return document.pages()


@pytest.mark.parametrize("code", [BRAILLE, INVISIBLE, "x\u2028y\x85z", "\ttab  two "])
@pytest.mark.parametrize(
    ("opener", "closer"), [("```\n", "\n```"), ("~~~py\n", "\n~~~"), ("Here: ```\n", "\n```")]
)
def test_r5_code_in_a_block_is_never_changed(code: str, opener: str, closer: str) -> None:
    (page,) = streamed(f"{opener}{code}{closer}")
    assert page.partition("\n" if page.startswith("```") else "```\n")[2].removesuffix("\n```") == code


def test_r5_code_of_several_pages_is_never_changed() -> None:
    line = "⠀⣿⠀" * 50
    pages = streamed(f"```\n{line}\n```", limit=100)
    assert "".join(page.removeprefix("```\n").removesuffix("\n```") for page in pages) == line


def test_r5_the_file_of_long_code_has_it_to_the_letter() -> None:
    document = AnswerDocument(limit=200, code_attachment_chars=10)
    document.feed(f"```\n{BRAILLE}\n{INVISIBLE}\n```")
    document.close()
    overflow = document.overflow()
    assert overflow is not None
    assert overflow.codes[0].data.decode() == f"{BRAILLE}\n{INVISIBLE}\n"


def test_r5_inline_code_keeps_what_does_not_reorder_the_line() -> None:
    assert streamed("see `a\u2800\u200bb\u202e` and") == ("see `a\u2800\u200bb` and",)


def test_r5_every_removed_character_has_a_reason() -> None:
    """Outside code they are gone, wherever they stand, and a line that begins with them is what it looks like."""
    for reason, codes in REMOVED_OUTSIDE_CODE.items():
        assert ": " in reason
        for code in codes:
            assert render(f"a{chr(code)}b", limit=1900) == ("ab",)
    assert render("\ufeff# Title\n\u200b- item", limit=1900) == ("# Title\n- item",)


RED = "\x1b[2;31m"
OFF = "\x1b[0m"


def test_r6_colours_in_ansi_blocks_are_kept() -> None:
    assert streamed(f"```ansi\n{RED}Error{OFF}\n```") == (f"```ansi\n{RED}Error{OFF}\n```",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"```\n{RED}Error{OFF}\n```", "```\nError\n```"),
        ("```ansi\n\x1b[2K\x1b]0;title\x07done\x1b[1A\n```", "```ansi\ndone\n```"),
        (f"{RED}Error{OFF} in text", "Error in text"),
        (f"`{RED}code{OFF}`", "`code`"),
    ],
)
def test_r6_other_sequences_are_removed_whole(text: str, expected: str) -> None:
    assert streamed(text) == (expected,)


def test_r6_a_sequence_on_the_border_of_two_pieces_is_whole() -> None:
    line = f"{'x' * 195}{RED}{'y' * 395}{OFF}{'z' * 300}"
    assert "".join(streamed(f"```ansi\n{line}\n```")) == f"```ansi\n{line}\n```"


@pytest.mark.parametrize(
    ("before", "after", "joined"),
    [
        ("e", "\u0301", True),
        ("न", "ि", True),
        ("👩", "\u200d", True),
        ("\u200d", "👧", True),
        ("👍", "🏽", True),
        ("👍", "🏻", True),
        ("👍", "🏿", True),
        ("e", "\u0300", True),
        ("a", "\u20dd", True),
        ("🇦", "🇿", True),
        ("🏴", "\U000e0020", True),
        ("🏴", "\U000e007f", True),
        ("a", "\u02ff", False),
        ("🇩", "🇪", True),
        ("🏴", "\U000e0067", True),
        ("❤", "\ufe0f", True),
        ("🇩", "a", False),
        ("a", "🇩", False),
        ("a", "b", False),
        ("漢", "字", False),
        ("\u200d", "a", False),
    ],
)
def test_what_is_one_visible_character(before: str, after: str, joined: bool) -> None:
    """Marks, joiners, skin tones, tags and pairs of regional letters belong to what stands before them."""
    assert joins(before, after) is joined


def test_a_text_is_cut_between_visible_characters() -> None:
    """At the place itself, or before the character that it is inside of."""
    assert [cut_at("abc", at) for at in (0, 2, 3, 9)] == [0, 2, 3, 3]
    assert cut_at("ae\u0301x", 2) == 1
    assert [cut_at("🇩🇪🇯🇵x", at) for at in (2, 3, 4)] == [2, 2, 4]
    assert cut_at("x🇩🇪🇯🇵", 2) == 1
    assert cut("ae\u0301x", 2) == "a"
    assert cut("ab", 5) == "ab"


def test_a_visible_character_of_many_is_cut_in_the_end() -> None:
    """Forty marks on a letter are more than any script has; nothing is looked at for ever."""
    text = "xe" + "\u0301" * 90
    assert cut_at(text, 41) == 1
    assert cut_at(text, 42) == 42
    assert cut_at("e\u0301", 1) == 1, "nothing would be left"


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("", 0),
        ("abc", 3),
        ("é", 1),
        ("漢字", 4),
        ("Ａ", 2),
        ("ﾊ", 1),
        ("e\u0301", 1),
        ("👍🏽", 2),
        ("👩\u200d👧", 2),
        ("🇩🇪", 2),
    ],
)
def test_columns(text: str, columns: int) -> None:
    """Wide letters and emoji take two, marks and joined characters none."""
    assert width(text) == columns


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb", "a\tb"),
        ("a\x0bb\x0cc", "a b c"),
        ("a\x85b\u2028c\u2029d", "a\nb\nc\nd"),
        ("a\ud800b", "a\ufffdb"),
        ("a\x07b\x7fc", "abc"),
        ("a\x1b[1;31mb\x1b[0m", "ab"),
        ("a\x1b]8;;x\x1b\\b\x1b]0;y\x07", "ab"),
        ("a\x1bMb", "ab"),
        ("a\x1b b", "a b"),
        ("plain", "plain"),
    ],
)
def test_text_without_what_is_not_shown(text: str, shown: str) -> None:
    """Line ends become one kind; sequences of terminals go whole."""
    assert clean(text) == shown


@pytest.mark.parametrize(
    ("code", "shown", "coloured"),
    [
        ("a\tb\u200b\u202e", "a\tb\u200b\u202e", "a\tb\u200b\u202e"),
        ("a\x07b", "ab", "ab"),
        ("a\x1b[31mb", "ab", "a\x1b[31mb"),
        ("\x1b[31mb\x1b[2Kc\x1b[0m", "bc", "\x1b[31mbc\x1b[0m"),
        ("a\x1b[3", "a", "a"),
        ("a\x1b", "a", "a"),
        ("a\x1b[31mb\x1b[", "ab", "a\x1b[31mb"),
        ("a\ud800", "a\ufffd", "a\ufffd"),
    ],
)
def test_code_is_changed_as_little_as_possible(code: str, shown: str, coloured: str) -> None:
    """Control characters go; colours stay where Discord draws them."""
    assert clean_code(code) == shown
    assert clean_code(code, colours=True) == coloured


def test_what_reorders_or_hides_goes_from_code_in_a_line() -> None:
    assert clean_inline_code("a\u202eb\u200bc\x07") == "ab\u200bc"
    assert without_invisible_start("\ufeff\u200b# a\u200b") == "# a\u200b"
    assert without_invisible_start("\x1b[1m# a") == "\x1b[1m# a"
    assert without_invisible_start("# a") == "# a"
