"""Characters that are removed from text, and code, in which none is."""

import pytest

from bot.markdown.characters import REMOVED_OUTSIDE_CODE
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
