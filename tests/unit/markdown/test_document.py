"""An answer as it streams: what is shown when, what is held back, where pages end, what goes into files."""

import re

import pytest

from bot.markdown.document import SLICE, AnswerDocument, render
from tests.unit.markdown.readable import code_of


def streamed(text: str, size: int = 1, limit: int = 1900) -> list[str]:
    """The last page after every piece."""
    document = AnswerDocument(limit=limit, max_pages=50)
    shown = []
    for at in range(0, len(text), size):
        document.feed(text[at : at + size])
        shown.append(document.pages()[-1])
    return shown


def test_an_empty_answer_is_one_empty_page() -> None:
    assert AnswerDocument(limit=200).pages() == ("",)
    assert render("", limit=200) == ("",)
    assert render(" \n\n ", limit=200) == ("",)


def test_prose_shows_at_once() -> None:
    """Plain text is shown character by character, without waiting for what follows."""
    text = "Start with logical replication: the old one stays."
    assert [shown.rstrip() for shown in streamed(text)][-1] == text
    assert all(shown == text[: len(shown)] and len(text[:at].rstrip()) - len(shown) <= 1
               for at, shown in enumerate(streamed(text), 1))  # fmt: skip


@pytest.mark.parametrize(
    ("so_far", "shown"),
    [
        ("some **bold te", "some **bold te**"),
        ("some **bold *and it", "some **bold *and it***"),
        ("`code wi", "`code wi`"),
        ("**bold `code", "**bold `code`**"),
        ("||spoi", "||spoi||"),
        ("~~gon", "~~gon~~"),
        ("```py\nx = 1", "```py\nx = 1\n```"),
        ("> ```py\n> x", "> ```py\n> x\n> ```"),
        ("see [the doc", "see"),
        ("see [the doc](https://exam", "see"),
        ("sum $x^", "sum"),
        ("text **", "text"),
        ("go to https://exam", "go to"),
        ("a <b", "a"),
        ("a &am", "a"),
    ],
)
def test_open_markup_is_closed_or_held_back(so_far: str, shown: str) -> None:
    """What is shown has its marks closed; what the next character could change is not shown yet."""
    document = AnswerDocument(limit=1900)
    document.feed(so_far)
    assert document.pages() == (shown,)


@pytest.mark.parametrize(
    "so_far", ["#", "## ", "-", "- ", "1", "1. ", "```", "```py", "| a | b |", "| a |\n|--", "$$\nx", ">", "- [x"]
)
def test_a_line_waits_until_it_is_certain_what_it_is(so_far: str) -> None:
    document = AnswerDocument(limit=1900)
    document.feed(so_far)
    assert document.pages() == ("",)


def test_a_table_never_shows_as_text() -> None:
    """From the first to the last character a table is either not there or in its code block."""
    text = "| Name | Age |\n|---|---|\n| Ada | 36 |\n| Bob | 7 |\n"
    assert all(shown == "" or shown.startswith("```\nName") for shown in streamed(text))


def test_headings_and_code_get_no_blank_line_around_them() -> None:
    """Discord draws them with space around them. A deeper heading is bold text and needs a blank line above."""
    text = "One.\n\n## Two\n\nThree.\n\n```py\nfour\n```\n\nFive.\n\nSix.\n\n##### Seven\n\nEight."
    assert render(text, limit=1000) == (
        "One.\n## Two\nThree.\n```py\nfour\n```\nFive.\n\nSix.\n\n**Seven**\nEight.",
    )


def test_the_first_page_may_be_shorter() -> None:
    """The first message also holds the question."""
    pages = render("word " * 200, limit=400, first_limit=150)
    assert len(pages[0]) <= 150
    assert all(300 <= len(body) <= 400 for body in pages[1:-1])


def test_pages_end_after_a_paragraph_if_one_is_near() -> None:
    first, second = "one two three. " * 10, "four five six. " * 10
    assert render(f"{first.strip()}\n\n{second.strip()}", limit=200) == (first.strip(), second.strip())


def test_pages_end_after_a_sentence_if_no_paragraph_ends_near() -> None:
    pages = render("This is a sentence of some length. " * 20, limit=200)
    assert all(body.endswith(".") for body in pages)


def test_code_is_reopened_with_its_language() -> None:
    """The closer and the reopened opener count towards the limit."""
    text = "```python\n" + "\n".join(f"line_{number} = {number}" for number in range(60)) + "\n```"
    pages = render(text, limit=200, max_pages=50)
    assert len(pages) > 3
    assert all(body.startswith("```python\n") and body.endswith("\n```") and len(body) <= 200 for body in pages)
    lines = [line for body in pages for line in body.split("\n")[1:-1]]
    assert lines == [f"line_{number} = {number}" for number in range(60)]


def test_bold_over_a_page_is_closed_and_reopened() -> None:
    pages = render(f"**{'word ' * 60}end**", limit=150)
    assert all(body.startswith("**") and body.endswith("**") for body in pages)


def test_lists_keep_their_numbers_over_pages() -> None:
    text = "\n".join(f"{number}. item number {number} of the list" for number in range(1, 20))
    pages = render(text, limit=150, max_pages=50)
    assert "\n".join(pages) == text
    assert len(pages) > 3


def test_quotes_stay_quotes_over_pages() -> None:
    pages = render("> " + "quoted words go on and on " * 20, limit=150)
    assert all(body.startswith("> ") for body in pages)


def test_text_that_looks_like_a_block_after_a_split_stays_text() -> None:
    """A dash or hash that a page happens to start with opens no list and no heading."""
    pages = render(("x " * 48 + "- # 1. ") * 8, limit=100, max_pages=20)
    assert not any(body.startswith(("- ", "# ", "1. ")) for body in pages)


def test_text_after_the_last_page_goes_into_a_file() -> None:
    """One file continues exactly where the last page ends, another has the whole answer."""
    text = " ".join(f"w{number}" for number in range(400))
    document = AnswerDocument(limit=200, max_pages=2)
    document.feed(text)
    assert len(document.pages()) == 2
    document.close()
    overflow = document.overflow()
    assert overflow is not None
    assert (overflow.name, overflow.text) == ("answer.md", text)
    assert " ".join([*document.pages(), overflow.rest]) == text
    assert [file.name for file in overflow.files()] == ["answer-rest.md", "answer.md"]


def test_rest_inside_code_has_the_extension_of_its_language() -> None:
    code = "\n".join(f"line_{number} = {number}" for number in range(100))
    document = AnswerDocument(limit=200, max_pages=2)
    document.feed(f"```python\n{code}\n```")
    document.close()
    overflow = document.overflow()
    assert overflow is not None
    assert overflow.rest_name == "answer-rest.py"
    shown = [line for body in document.pages() for line in body.split("\n")[1:-1]]
    assert "\n".join([*shown, overflow.rest]) == code


def rest_of(text: str) -> tuple[list[str], str, str]:
    """The code on the only page, and the file that goes on after it: its name and its content."""
    document = AnswerDocument(limit=200, max_pages=1)
    document.feed(text)
    document.close()
    overflow = document.overflow()
    assert overflow is not None
    return code_of(document.pages()), overflow.rest_name, overflow.rest


LINES = [f"line_{number} = {number}" for number in range(30)]
CODE = "\n".join(LINES)


@pytest.mark.parametrize(
    ("opener", "closer"),
    [("```py", "\n```"), ("~~~py", "\n~~~"), ("`````py", "\n`````"), ("```py", "\n```\n\n"), ("```py", "")],
)
def test_the_rest_of_code_ends_with_the_code(opener: str, closer: str) -> None:
    """The fence is never part of the file; a block without a closer extends to the end of the answer."""
    shown, name, rest = rest_of(f"{opener}\n{CODE}{closer}")
    assert name == "answer-rest.py"
    assert [*shown, *rest.split("\n")] == LINES


def test_the_rest_of_code_in_a_list_has_no_indentation_of_the_list() -> None:
    lines = [*LINES, "    deeper"]
    indented = "\n".join(f"   {line}" for line in lines)
    shown, name, rest = rest_of(f"1. item\n   ```py\n{indented}\n   ```")
    assert name == "answer-rest.py"
    assert [*shown, *rest.split("\n")] == lines


def test_the_rest_of_a_long_line_begins_where_the_page_ends() -> None:
    """Also in a list, where the line is indented in the answer and not on the page."""
    text = " ".join(f"w{number}" for number in range(100))
    document = AnswerDocument(limit=200, max_pages=1)
    document.feed(f"1. item\n   ```\n   {text}\n   ```")
    document.close()
    overflow = document.overflow()
    assert overflow is not None
    (page,) = document.pages()
    shown = page.removeprefix("1. item\n```\n").removesuffix("\n```")
    assert (shown + overflow.rest).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("fence", ["```", "~~~", "````"])
def test_the_rest_of_code_with_text_after_it_is_markdown(fence: str) -> None:
    """The block is reopened with its own fence, which nothing inside it can close."""
    lines = [*LINES, "``" if fence == "```" else "```"]
    shown, name, rest = rest_of(f"{fence}py\n" + "\n".join(lines) + f"\n{fence}\nAnd so on.")
    assert name == "answer-rest.md"
    assert rest == f"{fence}py\n" + "\n".join(lines[len(shown) :]) + f"\n{fence}\nAnd so on."


def test_the_rest_of_a_table_is_a_table() -> None:
    """It repeats the header, and the text after the table follows as text."""
    rows = [f"| row {number} | cell {number} |" for number in range(20)]
    _, name, rest = rest_of("| a | b \\| c |\n|---|---|\n" + "\n".join(rows) + "\n\nAnd so on.")
    assert name == "answer-rest.md"
    header, dashes, *left = rest.split("\n")
    assert (header, dashes) == ("| a | b \\| c |", "| --- | --- |")
    assert left == [*rows[-len(left) + 2 :], "", "And so on."]
    assert 2 < len(left) < 20


def test_the_rest_of_a_quoted_block_is_quoted() -> None:
    quoted = "\n".join(f"> {line}" for line in LINES)
    _, name, rest = rest_of(f"> ```py\n{quoted}\n> ```")
    assert name == "answer-rest.md"
    assert rest.startswith("> ```py\n> line_")
    assert rest.endswith("> line_29 = 29\n> ```")


def test_very_long_code_goes_whole_into_a_file() -> None:
    """The page names the file, and continues with the text after the code."""
    code = "\n".join(f"let line{number} = {number};" for number in range(200))
    document = AnswerDocument(limit=1000, code_attachment_chars=500)
    document.feed(f"Here:\n```js\n{code}\n```\nThat is all.")
    document.close()
    overflow = document.overflow()
    assert overflow is not None
    assert [file.name for file in overflow.files()] == ["code-1.js", "answer.md"]
    assert overflow.codes[0].data.decode() == f"{code}\n"
    assert document.pages()[0].endswith("```\n-# … code-1.js\nThat is all.")


def test_no_overflow_while_everything_fits() -> None:
    document = AnswerDocument(limit=200)
    document.feed("short")
    document.close()
    assert document.overflow() is None


def test_a_surrogate_pair_cut_in_two_is_one_character() -> None:
    """A lone half becomes U+FFFD, so that the page can be encoded."""
    document = AnswerDocument(limit=200)
    document.feed("a \ud83d")
    document.feed("\ude00 b \udc00")
    document.close()
    assert document.pages() == ("a 😀 b \ufffd",)


def test_a_closed_answer_accepts_no_text() -> None:
    document = AnswerDocument(limit=200)
    document.close()
    with pytest.raises(ValueError, match="closed"):
        document.feed("more")


@pytest.mark.parametrize(
    "limits", [{"limit": 99}, {"limit": 200, "first_limit": 50}, {"limit": 200, "max_pages": 0}]
)
def test_limits_that_are_too_small_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least"):
        AnswerDocument(**limits)


def test_work_is_done_in_slices() -> None:
    """`feed` processes one; each further call one more, and `pages` all that is left."""
    document = AnswerDocument(limit=1900)
    document.feed("x " * SLICE)
    assert document.work() is False
    document.feed("y " * (2 * SLICE))
    assert [document.work() for _ in range(4)] == [True, True, False, False]
    document.feed("z " * (2 * SLICE))
    assert document.pages() == (("x " * SLICE + "y " * (2 * SLICE) + "z " * (2 * SLICE)).rstrip(),)


def test_nothing_is_no_work() -> None:
    """An empty piece changes nothing, and the pages are the same objects."""
    document = AnswerDocument(limit=1900)
    document.feed("some text")
    pages = document.pages()
    document.feed("")
    assert document.pages() is pages
    document.feed(" and more")
    assert document.pages() == ("some text and more",)
    assert document.raw == "some text and more"


def test_several_long_blocks_are_several_files() -> None:
    """Numbered in their order, each with its language's extension; code that is not too long is in none."""
    document = AnswerDocument(limit=1900, code_attachment_chars=10)
    document.feed("```py\nthe first one\n```\n```js\nshort\n```\n```\nthe second one\n\n```\nend")
    document.close()
    overflow = document.overflow()
    assert overflow is not None
    assert [(file.name, file.data.decode()) for file in overflow.codes] == [
        ("code-1.py", "the first one\n"),
        ("code-2.txt", "the second one\n\n"),
    ]
    assert overflow.rest == ""
    assert [file.name for file in overflow.files()] == ["code-1.py", "code-2.txt", "answer.md"]
    (page,) = document.pages()
    assert "-# … code-1.py" in page
    assert "-# … code-2.txt" in page
    assert "short" in page


def test_code_is_shown_up_to_the_line_that_is_too_much() -> None:
    """The characters and line ends before it count."""
    document = AnswerDocument(limit=1900, code_attachment_chars=10)
    document.feed("```\n1234\n5678\n9\n0\n```")
    document.close()
    assert document.pages() == ("```\n1234\n5678\n9\n```\n-# … code-1.txt",)
    exact = AnswerDocument(limit=1900, code_attachment_chars=10)
    exact.feed("```\n1234\n5678\n```")
    exact.close()
    assert exact.pages() == ("```\n1234\n5678\n```",)
    assert exact.overflow() is None


def test_quoted_code_names_its_file_in_the_quote() -> None:
    document = AnswerDocument(limit=1900, code_attachment_chars=5)
    document.feed("> ```\n> 123456\n> ```\n> end")
    document.close()
    assert document.pages() == ("> ```\n> 123456\n> ```\n> -# … code-1.txt\n> end",)


def test_the_whole_answer_is_in_the_file_as_it_came() -> None:
    """With its line ends; halves of characters become U+FFFD."""
    document = AnswerDocument(limit=100, max_pages=1)
    text = "a\r\n" + "b " * 100
    document.feed(f"{text}\ud800")
    document.close()
    overflow = document.overflow()
    assert overflow is not None
    assert overflow.text == f"{text}\ufffd"
    assert overflow.files()[-1].data == f"{text}\ufffd".encode()


@pytest.mark.parametrize("size", [1, 500, 2000])
def test_a_long_line_of_code_is_in_its_file_once(size: int) -> None:
    """However it arrives; on the page it ends where it has become too long."""
    line = "".join(f"{number:04}" for number in range(300))
    document = AnswerDocument(limit=3900, code_attachment_chars=600)
    text = f"```\n{line}\nmore\n```"
    for at in range(0, len(text), size):
        document.feed(text[at : at + size])
        document.pages()
    document.close()
    overflow = document.overflow()
    assert overflow is not None
    assert overflow.codes[0].data.decode() == f"{line}\nmore\n"
    (page,) = document.pages()
    shown = page.removeprefix("```\n").partition("\n```")[0]
    assert line.startswith(shown)
    assert len(shown) >= 600
    assert "more" not in page


def test_the_rest_begins_where_the_page_ends_wherever_that_is() -> None:
    """After each page: what is shown and what is left together are the text, word by word."""
    words = [f"w{number:02}" for number in range(70)]
    parts = [" ".join(words[start : start + 15]) for start in range(0, 70, 15)]
    text = "\n\n".join(map("".join, zip(("", "> ", "- ", "# ", ""), parts, strict=True)))
    whole = render(text, limit=100, max_pages=50)
    for most in range(1, len(whole)):
        document = AnswerDocument(limit=100, max_pages=most)
        document.feed(text)
        document.close()
        overflow = document.overflow()
        assert overflow is not None
        assert document.pages() == whole[:most]
        shown = re.findall(r"w\d\d", " ".join(document.pages()))
        assert [*shown, *re.findall(r"w\d\d", overflow.rest)] == words


def test_the_note_of_a_file_may_be_the_first_that_is_left() -> None:
    """The rest begins with the code that it is about."""
    document = AnswerDocument(limit=100, max_pages=1, code_attachment_chars=70)
    document.feed(f"```\n{'x' * 92}\n```\nend")
    document.close()
    overflow = document.overflow()
    assert overflow is not None
    assert document.pages() == (f"```\n{'x' * 92}\n```",)
    assert overflow.rest == f"```\n{'x' * 92}\n```\nend"
