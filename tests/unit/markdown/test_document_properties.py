"""Properties of every answer, however it is cut into pieces: limits, closed marks, no loss, no change of form."""

import re
from collections import Counter
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.markdown.document import AnswerDocument, render
from tests.unit.markdown import readable
from tests.unit.markdown.generators import chunks, cuts, documents, numbered, soup
from tests.unit.markdown.readable import as_table, code_of, kinds, text_of

ANY = st.one_of(documents, soup)
LIMITS = st.sampled_from([100, 140, 333, 1000, 3900])
NO_LINE_IS_CUT = st.sampled_from([140, 333, 1000, 3900])
"""Limits of pages that hold the longest line of code twice."""


def words(text: str) -> list[str]:
    return re.findall(r"q\d+z", text.replace("\u200b", ""))


def letters(text: str) -> Counter[str]:
    """The first and the last of every word."""
    return Counter(re.findall(r"[qz]", text))


def _fences(body: str) -> int:
    return len(re.findall(r"```", body))


@settings(max_examples=120, deadline=None)
@given(ANY, cuts, LIMITS)
@example("```\n" + "``x`` " * 80, [1], 100)
def test_streaming_ends_as_one_shot(text: str, sizes: list[int], limit: int) -> None:
    """After `close` the pages are the same as those of the whole text fed at once."""
    document = AnswerDocument(limit=limit, max_pages=50)
    for piece in chunks(text, sizes):
        document.feed(piece)
        document.pages()
    document.close()
    document.close()
    assert document.pages() == render(text, limit=limit, max_pages=50)
    assert document.raw == text


@settings(max_examples=120, deadline=None)
@given(ANY, cuts, LIMITS, st.integers(100, 200))
@example("`q0z ``q1z`` q2z\n\n", [1] * 15, 100, 100)
@example(numbered("§ § §, §. §! §, §. §!\n§ §, §. §! `§, §. §! ``§, §. §!`` §\n\n"), [1], 100, 100)
def test_every_body_at_every_moment(text: str, sizes: list[int], limit: int, first: int) -> None:
    """Pages stay within the limit, close their fences, never change once full, and never become fewer."""
    document = AnswerDocument(limit=limit, first_limit=first, max_pages=50)
    before: tuple[str, ...] = ()
    for piece in [*chunks(text, sizes), None]:
        if piece is None:
            document.close()
        else:
            document.feed(piece)
        pages = document.pages()
        assert len(pages[0]) <= first
        assert all(len(body) <= limit for body in pages[1:])
        assert all(_fences(body) % 2 == 0 for body in pages)
        assert len(pages) >= len(before)
        assert all(old is new for old, new in zip(before[:-1], pages, strict=False))
        before = pages


@settings(max_examples=150, deadline=None)
@given(documents, LIMITS)
def test_nothing_is_lost_or_repeated(text: str, limit: int) -> None:
    """Every word of the answer is on the pages once, in order. A cell of a table may be wrapped inside a word, so
    for tables only the first and last letters of words are counted."""
    shown = "\n".join(render(text, limit=limit, max_pages=80))
    if "|" in text:
        assert letters(shown) == letters(text)
        assert set(words(shown)) <= set(words(text))
    else:
        assert words(shown) == words(text)


@settings(max_examples=50, deadline=None)
@given(readable.running_text, LIMITS, st.sampled_from([1, 2, 60]))
def test_no_character_is_lost_or_repeated(text: str, limit: int, most: int) -> None:
    """This includes punctuation, other scripts and emoji. The file continues where the pages end; if the last page
    ends inside bold text, code or a link, it may begin at the start of that."""
    document = AnswerDocument(limit=limit, max_pages=most)
    document.feed(text)
    document.close()
    shown, overflow = text_of("\n".join(document.pages())), document.overflow()
    if overflow is None:
        assert shown == text_of(text)
    else:
        assert text.endswith(overflow.rest)
        assert text_of(text).startswith(shown)
        assert shown.startswith(text_of(text.removesuffix(overflow.rest)))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(readable.paragraphs, readable.programs), min_size=1, max_size=3), NO_LINE_IS_CUT)
def test_code_is_shown_to_the_letter(parts: list[tuple[str, tuple[str, list[str]]]], limit: int) -> None:
    """Every line is shown, with its spaces; empty lines too. Nothing in it is taken for markup."""
    blocks = [
        f"{paragraph}\n\n````{language}\n" + "\n".join(lines) + "\n````" for paragraph, (language, lines) in parts
    ]
    pages = render("\n\n".join(blocks), limit=limit, max_pages=80)
    assert code_of(pages) == [line for _, (_, lines) in parts for line in lines]


@settings(max_examples=60, deadline=None)
@given(readable.programs, NO_LINE_IS_CUT, st.sampled_from([1, 2]), st.sampled_from(["````", "~~~"]))
def test_the_rest_of_code_follows_to_the_letter(
    program: tuple[str, list[str]], limit: int, most: int, fence: str
) -> None:
    """The pages and the file together are the whole program."""
    language, lines = program
    document = AnswerDocument(limit=limit, max_pages=most)
    document.feed(f"{fence}{language}\n" + "\n".join(lines) + f"\n{fence}")
    document.close()
    overflow = document.overflow()
    rest = [] if overflow is None else overflow.rest.split("\n")
    assert [*code_of(document.pages()), *rest] == lines


@settings(max_examples=60, deadline=None)
@given(readable.tables, LIMITS)
def test_no_character_of_a_table_is_lost_or_repeated(rows: list[list[str]], limit: int) -> None:
    """This holds for columns and for lists; only the names of columns may be repeated."""
    pages = render(f"{as_table(rows)}\n\nend", limit=limit, max_pages=80)
    shown = Counter(re.sub(r"[\s│─┼:*`\u200b-]", "", "".join(pages)))
    cells = Counter(re.sub(r"\s", "", "".join(cell for row in rows for cell in row) + "end"))
    assert cells <= shown
    assert set(shown - cells) <= set("頭012345")


WIDE = st.builds(
    lambda columns, rows: numbered(as_table([row[:columns] for row in rows])),
    st.integers(2, 9),
    st.lists(
        st.lists(st.sampled_from(["§ " * 12, "§", "**§** and `§`", ""]), min_size=9, max_size=9),
        min_size=1,
        max_size=6,
    ),
)


@settings(max_examples=60, deadline=None)
@given(st.one_of(documents, WIDE), cuts)
def test_no_line_changes_its_form(text: str, sizes: list[int]) -> None:
    """A line once shown as code, heading, list, quote or text keeps this form."""
    document = AnswerDocument(limit=100_000)
    before: list[tuple[int, str]] = []
    for piece in [*chunks(text, sizes), None]:
        if piece is None:
            document.close()
        else:
            document.feed(piece)
        now = kinds(document.pages()[0])
        assert len(now) >= len(before)
        # The last fence may be replaced by more lines of code.
        certain = len(before) - (before[-1:] != now[len(before) - 1 : len(before)] and before[-1][1] == "fence")
        assert now[:certain] == before[:certain]
        before = now


@settings(max_examples=80, deadline=None)
@given(documents, cuts)
def test_text_only_grows(text: str, sizes: list[int]) -> None:
    """Words that were shown stay, in the same order."""
    document = AnswerDocument(limit=100_000)
    before: list[str] = []
    for piece in chunks(text, sizes):
        document.feed(piece)
        shown = words(document.pages()[0])
        assert shown[: len(before)] == before
        before = shown


@settings(max_examples=100, deadline=None)
@given(ANY)
def test_nothing_can_mention_or_reorder(text: str) -> None:
    """No live mention outside code, no bidirectional override anywhere."""
    for body in render(f"{text}\n\n@everyone <@123456789012345678> <t:1:R> </ask:1> <#1> \u202e", limit=3900):
        unescaped = re.sub(r"\\[`\\]", "", body)
        visible = re.sub(r"```.*?```|(`+)(?!`).*?(?<!`)\1(?!`)", "", unescaped, flags=re.DOTALL)
        assert not re.search(r"@everyone|<@\d|<t:\d|</ask|<#\d", visible)
        assert "\u202e" not in body


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="👩‍👧🇩🇪e\u0301漢👍🏽 ", max_size=400), LIMITS)
@example("👩‍👩‍👧‍👦" * 60, 100)
@example("🇩🇪" * 100, 100)
def test_no_visible_character_is_cut(text: str, limit: int) -> None:
    """No page starts with a joiner, a combining mark or a skin tone, or follows a joiner; flags stay whole."""
    pages = render(text, limit=limit, max_pages=50)
    for body, following in pairwise(pages):
        assert not body.endswith("\u200d")
        assert following[0] not in "\u200d\u0301🏽"
