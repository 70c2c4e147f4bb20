"""Blocks where CommonMark expects none: fences and tables after words, Markdown inside Markdown."""

import pytest

from bot.markdown.document import AnswerDocument, render


def shown(text: str) -> str:
    """The only page, checked to be the same when the text arrives character by character."""
    document = AnswerDocument(limit=1900)
    for character in text:
        document.feed(character)
        document.pages()
    document.close()
    (page,) = render(text, limit=1900)
    assert document.pages() == (page,)
    return page.replace("\u200b", "·")


def test_r2_a_fence_after_words_in_a_list_opens_a_block() -> None:
    text = "1. Install: ```sh\nmake install\n```\n2. Restart\n3. Enjoy"
    assert shown(text) == "1. Install:\n```sh\nmake install\n```\n2. Restart\n3. Enjoy"


def test_r2_its_code_is_shown_to_the_letter() -> None:
    code = "    def area(a, b):\n        return a * b * _scale\n\n    # **not bold**"
    assert shown(f"Like this: ```python\n{code}\n```\nDone.") == f"Like this:\n```python\n{code}\n```\nDone."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**Run:** ```\nls\n```", "**Run:**\n```\nls\n```"),
        ("> Run: ```sh\n> ls\n> ```\n> ok", "> Run:\n> ```sh\n> ls\n> ```\n> ok"),
        ("## Run ```sh\nls\n```", "## Run\n```sh\nls\n```"),
        ("use `x`, then ````md\n```\n````", "use `x`, then\n```md\n`·`·`\n```"),
    ],
)
def test_r2_fences_after_words_elsewhere(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a ```x y\nb``` c", "a `x y b` c"),
        ("a ```code``` b", "a `code` b"),
        ("see ```some words", "see \\`\\`\\`some words"),
    ],
)
def test_r2_inline_code_with_three_backticks_stays_inline(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_r2_the_fence_is_not_shown_before_its_line_ends() -> None:
    """It would be inline code first, and a block after that."""
    document = AnswerDocument(limit=1900)
    document.feed("1. Install: ```sh")
    assert document.pages() == ("1. Install:",)


TABLE = "```\nid │ year\n───┼─────\n83 │ 1920\n```"
ROWS = "| id | year |\n|---|---|\n| 83 | 1920 |"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"Oldest houses:\n{ROWS}", f"Oldest houses:\n{TABLE}"),
        (f"**Oldest houses:**\n{ROWS}\nThat is all.", f"**Oldest houses:**\n{TABLE}\nThat is all."),
        ("- Houses:\n  " + ROWS.replace("\n", "\n  ") + "\n- more", f"- Houses:\n{TABLE}\n- more"),
        (f"1. Houses:\n{ROWS}\n2. more", f"1. Houses:\n{TABLE}\n2. more"),
        (f"One\ntwo\n{ROWS}", f"One\ntwo\n{TABLE}"),
        ("- " + ROWS.replace("\n", "\n  "), f"- ·\n{TABLE}"),
    ],
)
def test_r3_a_table_directly_after_text_is_a_table(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize("text", ["One\n| no table |\ntwo", "a\n||spoiler|| b", "x\n| a | b |"])
def test_r3_rows_without_a_table_stay_text(text: str) -> None:
    assert shown(text) == text


def test_r3_a_table_after_text_is_never_shown_as_text() -> None:
    document = AnswerDocument(limit=1900)
    for character in f"Houses:\n{ROWS}\n":
        document.feed(character)
        assert "|" not in document.pages()[0]


def test_r7_the_outermost_pair_of_fences_wins() -> None:
    """An answer written as one block of Markdown, with code in it."""
    text = "```markdown\n# Title\n```js\nlet a\n```\nprose\n```py\nx\n```\n```\nafter"
    expected = "```markdown\n# Title\n`·`·`js\nlet a\n`·`·`\nprose\n`·`·`py\nx\n`·`·`\n```\nafter"
    assert shown(text) == expected


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("```md\n````js\nlet a = '```'\n```\n````\n```\nafter", "after"),
        ("```markdown\n```md\n```py\nx\n```\n```\n```\nafter", "after"),
        ("```text\n```js\n```\nafter", "after"),
        ("```markdown\nno code in it\n```\nafter", "after"),
    ],
)
def test_r7_only_markdown_holds_other_blocks(text: str, after: str) -> None:
    """Longer fences, Markdown in Markdown, and languages in which a fence is only text."""
    assert shown(text).endswith(f"```\n{after}")


def test_a_header_that_is_too_long_is_text_however_it_arrives() -> None:
    row = "|" + "name|" * 70
    assert "```" not in shown(f"{row}\n|{'---|' * 70}\n{row}")
