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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```\n```", "```\n·\n```"),
        ("```\n\n```", "```\n\n```"),
        ("```py\nx\n````", "```py\nx\n```"),
        ("````\n```\nx\n```\n````", "```\n`·`·`\nx\n`·`·`\n```"),
        ("~~~\n```\n~~~", "```\n`·`·`\n```"),
        ("```\n~~~\n```", "```\n~~~\n```"),
        ("  ```\n  x\n    y\n z\n  ```", "```\nx\n  y\nz\n```"),
        ("```\nx\n  ```  \ny", "```\nx\n```\ny"),
        ("```\nx\n```y\n```", "```\nx\n`·`·`y\n```"),
        ("a\n\n    b\n\n      c\n\nd", "a\n```\nb\n\n  c\n```\nd"),
        ("\tb\n\tc", "```\nb\nc\n```"),
        ("    b\n\n\n", "```\nb\n```"),
        ("> ```\n> x\ny", "> ```\n> x\n> ```\ny"),
        ("> ```\n>     x\n> ```", "> ```\n>     x\n> ```"),
        ("- ```py\n  x\n  ```\n- y", "- ·\n```py\nx\n```\n- y"),
        ("```md\n```\nx\n```\n```", "```md\n·\n```\nx\n```\n·\n```"),
        ("```md\n```py\n~~~\n```\n```\nafter", "```md\n`·`·`py\n~~~\n`·`·`\n```\nafter"),
    ],
)
def test_blocks_of_code(text: str, expected: str) -> None:
    """What closes them, what is in them, and how far they are indented."""
    assert shown(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Title\n===", f"Title\n{'━' * 20}"),
        ("===", "==="),
        ("# T #\n## U ##", "# T\n## U"),
        ("# C#", "# C#"),
        ("# *a b #", "# \\*a b"),
        ("# *a b#", "# \\*a b#"),
        ("# a\n# b", "# a\n# b"),
        ("#### T ####", "**T**"),
        ("##### **T** x", "**T x**"),
        ("a\n---\nb", f"a\n{'─' * 20}\nb"),
        ("[^1]: a note\n[^n]: another", "¹ a note\n[n] another"),
        ("a[^1] b[^note] c[^2", "a¹ b[note] c[^2"),
        ("a  \nb\\\nc", "a\nb\nc"),
        ("a\n\n\n\nb", "a\n\nb"),
        ("> a\nb", "> a\nb"),
        ("> a\n>\n> b", "> a\n> \n> b"),
        (">> a\n> b", "> a\n> b"),
        ("> a\n\n> b", "> a\n> \n> b"),
        ("a\r\nb\r\n", "a\nb"),
        ("a\u2028b\x85c", "a\nb\nc"),
        ("\u200b# T", "# T"),
        ("1. a\n2) b\n10. c", "1. a\n2) b\n10. c"),
        ("-a\n1.b", "-a\n1.b"),
        ("a - b\n# c", "a - b\n# c"),
        ("\\# no\n\\- no\n\\1. x", "\\# no\n\\- no\n\\\\1. x"),
    ],
)
def test_lines_and_what_they_become(text: str, expected: str) -> None:
    """Headings, rules, notes, quotes and lines that only look like blocks."""
    assert shown(text) == expected


def test_a_fence_in_backticks_is_no_language() -> None:
    """A fence after words needs a name that models write."""
    assert shown("x ```nonsense\ny") == "x \\`\\`\\`nonsense\ny"
    assert shown("x ```mermaid\ny") == "x\n```mermaid\ny\n```"


def test_long_lines_of_code_are_not_cut_where_a_page_ends() -> None:
    """Pages show them in pieces, to the letter, also where three backticks lie on the border."""
    for at in range(195, 203):
        line = "x" * at + "```" + "y" * 250
        (page,) = render(f"````\n{line}\n````", limit=1900)
        assert page.replace("\u200b", "·") == f"```\n{'x' * at}`·`·`{'y' * 250}\n```"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("```\nx\n `", "```\nx\n```"),
        ("```\nx\n\t``", "```\nx\n```"),
        ("```\nx\n`a", "```\nx\n`a\n```"),
        ("~~~\nx\n~", "```\nx\n```"),
        ("    a\n\tb", "```\na\nb\n```"),
        ("    a\n  ", "```\na\n```"),
        ("    a\nb", "```\na\n```"),
        ("\n\n```\nx", "```\nx\n```"),
        ("a\n\n```\nx", "a\n```\nx\n```"),
        ("```\n" + "x" * 450, "```\n" + "x" * 450 + "\n```"),
        ("```\n" + "x" * 399, "```\n" + "x" * 399 + "\n```"),
        ("```\n" + "x" * 850 + "\ny", "```\n" + "x" * 850 + "\ny\n```"),
        ("```py\n  a", "```py\n  a\n```"),
        ("  ```py\n   a", "```py\n a\n```"),
        ("> ```\n> a\n>", "> ```\n> a\n> ```"),
        ("> ```\n> a\n> b", "> ```\n> a\n> b\n> ```"),
    ],
)
def test_code_that_still_grows(text: str, shown: str) -> None:
    """Everything but the line that may be its end."""
    document = AnswerDocument(limit=1900)
    document.feed(text)
    assert document.pages() == (shown,)


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("a\x07```b", "a·`··`·`b"),
        ("\x07`a", "·`·a"),
        ("a`\x07", "a·`·"),
        ("a`b\x07", "a`b"),
    ],
)
def test_control_characters_between_backticks_make_no_fence(code: str, shown: str) -> None:
    """They are left out, so what stood apart stands together."""
    (page,) = render(f"````\n{code}\n````", limit=1900)
    assert page.replace("\u200b", "·") == f"```\n{shown}\n```"


def test_blocks_in_blocks_have_a_limit() -> None:
    """Eight fences inside of a block of Markdown; the ninth is text, so the closers are those of the eight."""
    for deep, after in ((8, ""), (9, "```")):
        opened = "\n".join(["```md"] * deep)
        closed = "\n".join(["```"] * deep)
        page = render(f"```md\n{opened}\nx\n{closed}\n```\nend", limit=1900)[0]
        assert page.endswith("end\n```" if after else "```\nend")
