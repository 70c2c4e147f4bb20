"""Where pages end, to the character: a page holds as much as it may, and what is closed is opened again."""

import pytest

from bot.markdown.characters import ZWSP
from bot.markdown.document import AnswerDocument, render
from bot.markdown.paginator import Line, Text, guarded

PIECE = 13


def pages(text: str, limit: int = 100, **more: int) -> tuple[str, ...]:
    """The pages, checked to be the same when the text arrives in pieces."""
    document = AnswerDocument(limit=limit, **{"max_pages": 50, **more})
    for at in range(0, len(text), PIECE):
        document.feed(text[at : at + PIECE])
        document.pages()
    document.close()
    assert document.pages() == render(text, limit=limit, **{"max_pages": 50, **more})
    return document.pages()


def test_a_word_without_end_fills_the_pages() -> None:
    """To the last character; the rest goes on with no mark in between."""
    assert pages("x" * 250) == ("x" * 100, "x" * 100, "x" * 50)


def test_text_that_fits_exactly_is_one_page() -> None:
    """White space at its end needs no room."""
    words = "word " * 19 + "wordy"
    assert len(words) == 100
    assert pages(words) == pages(f"{words}   \n\n") == (words,)
    assert pages(f"{words}s") == (("word " * 18).rstrip(), "word wordys")


def test_code_that_fits_exactly_is_one_page() -> None:
    """The fences count, and so does white space at the end of a line."""
    code = "x" * (100 - len("```\n\n```"))
    assert pages(f"```\n{code}\n```") == (f"```\n{code}\n```",)
    assert pages(f"```\n{code[1:]} \n```") == (f"```\n{code[1:]} \n```",)
    assert pages(f"```\n{code}y\n```") == (f"```\n{code}\n```", "```\ny\n```")


@pytest.mark.parametrize("mark", ["**", "*", "~~", "||", "`", "__"])
def test_marks_that_fit_exactly_are_one_page(mark: str) -> None:
    """Closed on each page and opened on the next: their length counts on both."""
    source = "<u>{}</u>" if mark == "__" else f"{mark}{{}}{mark}"
    words = ("word " * 20)[: 100 - 2 * len(mark)].rstrip()
    words += "x" * (100 - 2 * len(mark) - len(words))
    assert pages(source.format(words)) == (f"{mark}{words}{mark}",)
    first, second = pages(source.format(f"{words}y"))
    assert first.startswith(mark)
    assert first.endswith(mark)
    assert second.endswith(f"{words.split()[-1]}y{mark}")
    assert f"{first}{second}".replace(mark, " ").split() == f"{words}y".split()


def test_a_marked_word_without_end_fills_the_pages() -> None:
    """Each page is as long as it may be, closers included; only the last one is shorter."""
    for mark in ("**", "~~", "||"):
        first, second, third = pages(f"{mark}{'x' * 250}{mark}")
        assert (len(first), len(second)) == (100, 100)
        assert first + second + third == f"{mark}{'x' * 96}{mark}{mark}{'x' * 96}{mark}{mark}{'x' * 58}{mark}"
    first, second = pages("> " + "x" * 150)
    assert (len(first), second) == (100, "> " + "x" * 52)


def test_a_page_ends_after_a_paragraph_that_fills_more_than_half() -> None:
    """A shorter one would leave the page half empty: then it ends after a sentence, or after a word."""
    long, short = "a" * 57, "a" * 40
    rest = "bb " * 20
    assert pages(f"{long}\n\n{rest}")[0] == long
    assert pages(f"{short}\n\n{rest}")[0] == f"{short}\n\n{('bb ' * 18).rstrip()}"
    sentence = f"{'a' * 30} {'b' * 25}. "
    assert pages(sentence + rest)[0] == sentence.rstrip()
    early = f"{'a' * 20} {'b' * 10}. "
    assert pages(f"{early}{rest * 2}")[0] == f"{early}{('bb ' * 21).rstrip()}"


def test_a_page_ends_after_a_line_rather_than_after_a_word() -> None:
    lines = [f"{letter * 30} {letter * 25}" for letter in "abc"]
    assert pages("\n".join(lines)) == tuple(lines)


@pytest.mark.parametrize("end", [". ", "! ", "? ", "… ", '." ', ".) ", "。", "」。", "！"])
def test_sentences_end_with_their_punctuation(end: str) -> None:
    """Also before a closing quote or bracket; CJK writes no space after it."""
    text = f"{'a' * 30} {'b' * 26}{end}{'ccc ' * 20}"
    assert pages(text)[0] == f"{'a' * 30} {'b' * 26}{end}".rstrip()


def test_a_heading_stays_with_its_text() -> None:
    first = "a" * 70
    assert pages(f"{first}\n\n## Title\n{'b ' * 30}") == (first, f"## Title\n{'b ' * 30}".rstrip())


def test_blank_lines_in_code_are_the_places_to_part_it() -> None:
    block = "\n".join(["x" * 25] * 2)
    code = f"{block}\n\n{block}\n\n{block}"
    assert pages(f"```\n{code}\n```") == (f"```\n{block}\n\n```",) * 2 + (f"```\n{block}\n```",)


def test_the_next_page_goes_on_in_the_same_block() -> None:
    """Quote, list, heading and code; the text after a list's item is under its text."""
    words = "word " * 30
    for opens, goes_on, closes in (("> ", "> ", ""), ("1. ", "  ", ""), ("## ", "## ", ""), ("**", "**", "**")):
        first, second = pages(f"{'#### ' if closes else opens}{words}")
        assert first.startswith(f"{opens}word")
        assert second.startswith(f"{goes_on}word")
        assert (first + second).replace("word", "").strip("> 1.#*") == ""
        assert (first + second).count("word") == 30
        assert len(first) > 90


def test_a_link_is_not_parted_while_it_fits() -> None:
    """It goes to the next page whole; one that is longer than half a page may be cut."""
    link = "[label](<https://site.example/a>) (site.example)"
    before = "w " * 30
    assert pages(f"{before}[label](https://site.example/a) end") == (("w " * 29).rstrip(), f"w {link} end")


def test_marks_meet_with_a_separator() -> None:
    """Discord would read `***` where one pair ends and another begins."""
    assert pages("**a***b*") == (f"**a**{ZWSP}*b*",)
    assert pages("`a` `b`") == ("`a` `b`",)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# x", "\\# x"),
        ("#x", "#x"),
        ("-# x", "\\-# x"),
        ("- x", "\\- x"),
        ("* x", "\\* x"),
        ("+ x", "\\+ x"),
        ("-x", "-x"),
        ("> x", "\\> x"),
        (">x", "\\>x"),
        (">>> x", "\\>>> x"),
        ("1. x", "1\\. x"),
        ("12. x", "12\\. x"),
        ("1.5", "1.5"),
        ("1) x", "1) x"),
        ("-", "\\-"),
        ("1.", "1\\."),
        ("#### x", "#### x"),
    ],
)
def test_what_would_open_a_block_at_the_start_of_a_line_is_guarded(text: str, shown: str) -> None:
    """A page may begin anywhere in a text."""
    assert guarded(text) == shown


def test_text_after_the_last_page_is_left_out_where_the_page_ends() -> None:
    """The rest goes on with the next word, and the page is as full as any."""
    words = [f"w{number:02}" for number in range(60)]
    document = AnswerDocument(limit=100, max_pages=1)
    document.feed(" ".join(words))
    document.close()
    (page,) = document.pages()
    overflow = document.overflow()
    assert overflow is not None
    assert page.split() == words[:24]
    assert overflow.rest.split() == words[24:]
    assert [file.name for file in overflow.files()] == ["answer-rest.md", "answer.md"]
    assert overflow.files()[0].data.decode() == overflow.rest


def test_the_first_page_has_its_own_limit() -> None:
    text = "x" * 400
    first, second, third = pages(text, 150, first_limit=120)
    assert (len(first), len(second)) == (120, 150)
    assert first + second + third == text


def test_atoms_are_what_a_page_is_made_of() -> None:
    """Two that look the same are two: a fence is told from another by identity."""
    assert Line("> ") != Line("> ")
    assert Text("a") != Text("a")
