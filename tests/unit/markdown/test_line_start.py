"""What kind of line it is, as soon as that is certain."""

import pytest

from bot.markdown.blocks.languages import extension, is_language, language
from bot.markdown.blocks.line_start import Head, Kind, columns, fence_after_words, head, quote, unquoted


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("", Head(Kind.BLANK)),
        (" \t", Head(Kind.BLANK)),
        ("# Title", Head(Kind.HEADING, "#", text=2)),
        ("   ###   Title", Head(Kind.HEADING, "###", text=9)),
        ("####### seven", Head(Kind.TEXT)),
        ("#hash", Head(Kind.TEXT)),
        ("---", Head(Kind.RULE)),
        (" * * * ", Head(Kind.RULE)),
        ("--", Head(Kind.TEXT)),
        ("===", Head(Kind.UNDERLINE)),
        ("- item", Head(Kind.ITEM, "-", 0, 2)),
        ("  12)  item", Head(Kind.ITEM, "12)", 2, 7)),
        ("\t• item", Head(Kind.ITEM, "•", 4, 3)),
        ("- [ ] open", Head(Kind.ITEM, "-", 0, 6, "-")),
        ("* [X] done", Head(Kind.ITEM, "*", 0, 6, "X")),
        ("-item", Head(Kind.TEXT)),
        ("[^note]: words", Head(Kind.FOOTNOTE, "note", text=9)),
        ("[^note] words", Head(Kind.TEXT)),
        ("```py", Head(Kind.FENCE, "```", 0, info="py")),
        ("   ~~~~ js title ", Head(Kind.FENCE, "~~~~", 3, info="js title")),
        ("```a`b", Head(Kind.TEXT)),
        ("$$ x", Head(Kind.FORMULA, "$$", 0, 2)),
        ("  \\[ x", Head(Kind.FORMULA, "\\[", 2, 4)),
        ("\\begin{align*} x", Head(Kind.FORMULA, "\\begin", 0, 14, "align*")),
        ("$$x$$ and words", Head(Kind.TEXT)),
        ("words", Head(Kind.TEXT)),
        ("    words", Head(Kind.TEXT)),
    ],
)
def test_a_complete_line(line: str, found: Head) -> None:
    """Its kind, its marker, the column of the marker, where its text begins, and what the marker says."""
    assert head(line, ended=True, may_indent=False) == found


@pytest.mark.parametrize("line", ["    code", "\tcode", "  \tcode"])
def test_four_columns_are_code_where_code_may_be_indented(line: str) -> None:
    """Not in a list or after text."""
    assert head(line, ended=True, may_indent=True) == Head(Kind.INDENTED)
    assert head(line, ended=True, may_indent=False) == Head(Kind.TEXT)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "#",
        "## ",
        "-",
        "- ",
        "- [",
        "- [x] ",
        "1",
        "1.",
        "=",
        "*",
        "**",
        "`",
        "```py",
        "~",
        "$$ x",
        "\\[ x",
        "[",
        "[^a",
    ],
)
def test_a_line_that_may_become_something_else_waits(line: str) -> None:
    """The next characters decide."""
    assert head(line, ended=False, may_indent=True) is None


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("# T", Kind.HEADING),
        ("- a", Kind.ITEM),
        ("1. a", Kind.ITEM),
        ("abc", Kind.TEXT),
        ("**b", Kind.TEXT),
        ("$x", Kind.TEXT),
    ],
)
def test_a_line_is_known_by_its_first_characters(line: str, kind: Kind) -> None:
    """Its text streams from then on."""
    found = head(line, ended=False, may_indent=True)
    assert found is not None
    assert found.kind is kind


def test_a_line_is_not_held_back_for_ever() -> None:
    """What might be a fence or a formula is text after four hundred characters."""
    for start in ("$$", "~~~"):
        assert head(start + "x" * (399 - len(start)), ended=False, may_indent=True) is None
        found = head(start + "x" * (400 - len(start)), ended=False, may_indent=True)
        assert found is not None
        assert found.kind is Kind.TEXT


def test_quote_markers() -> None:
    """Eight levels at most, each with a space or without."""
    assert [quote(line) for line in ("> a", ">a", "  >> a", "> > a", "a", ">" * 9)] == [2, 1, 5, 4, 0, 8]
    assert [unquoted(line, 1) for line in ("> a", ">a", "a", "")] == [2, 1, None, None]
    assert [unquoted(line, 2) for line in ("> > a", ">> a", "> a", "a")] == [4, 3, 2, None]
    assert unquoted("> a", 0) == 0


def test_tabs_reach_to_the_next_column_of_four() -> None:
    assert [columns(space) for space in ("", "  ", "\t", " \t", "\t ", "    \t")] == [0, 2, 4, 4, 5, 8]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Run: ```sh", Head(Kind.FENCE, "```", text=5, info="sh")),
        ("Run: ````", Head(Kind.FENCE, "````", text=5)),
        ("Use `x` and ``` C++ ", Head(Kind.FENCE, "```", text=12, info="C++")),
        ("see ```some words", None),
        ("see ```words", None),
        ("a ```code``` b", None),
        ("Run: ``", None),
        ("an `open and ```py", Head(Kind.FENCE, "```", text=13, info="py")),
    ],
)
def test_a_fence_at_the_end_of_words(text: str, found: Head | None) -> None:
    """With a language that models write, or with nothing after it."""
    assert fence_after_words(text) == found


@pytest.mark.parametrize(
    ("info", "name"),
    [
        ("Python", "python"),
        ("{.python}", "python"),
        (" js title=x", "js"),
        ("py:main.py", "py"),
        ("rust,ignore", "rust"),
        ("c++", "c++"),
        ("日本", ""),
        ("x" * 20, "x" * 20),
        ("x" * 21, ""),
        ("", ""),
    ],
)
def test_the_language_of_a_fence(info: str, name: str) -> None:
    """The first word, as Discord could highlight it."""
    assert language(info) == name


def test_languages_and_their_files() -> None:
    assert [extension(name) for name in ("py", "c#", "console", "mermaid", "", "nonsense")] == [
        ".py", ".cs", ".sh", ".txt", ".txt", ".txt"
    ]  # fmt: skip
    assert is_language("python")
    assert is_language("mermaid")
    assert not is_language("words")
