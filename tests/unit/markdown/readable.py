"""Generators of answers whose text can be separated from the markup, before and after rendering."""

import re

from hypothesis import strategies as st

_PIECES = st.sampled_from(
    [
        "plain",
        "words,",
        "and; more.",
        "“quoted”",
        "don't",
        "— dash …",
        "100 %",
        "a = b + c",
        "f(x)",
        "x/y",
        "wh?!",
        "@home",
        "{braces}",
        "^up^",
        "like this:",
        "漢字かな。",
        "「表」、",
        "中文，测试！",
        "한국어",
        "مرحبا",
        "שלום",
        "👍",
        "👍🏽",
        "👩‍👩‍👧‍👦",
        "🇩🇪🇯🇵",
        "e\u0301",
        "ñ",
        "Ω≈ç",
    ]
)
_AROUND = st.sampled_from(["{}", "{}", "**{}**", "*{}*", "***{}***", "~~{}~~", "`{}`", "||{}||", "<b>{}</b>"])


def _marked(parts: list[tuple[str, list[str]]]) -> str:
    return " ".join(around.replace("{}", " ".join(pieces)) for around, pieces in parts)


_line = st.lists(st.tuples(_AROUND, st.lists(_PIECES, min_size=1, max_size=12)), min_size=1, max_size=6).map(
    _marked
)
paragraphs = st.lists(_line, min_size=1, max_size=3).map("\n".join)
_headings = st.builds(lambda level, text: f"{'#' * level} {text}", st.integers(1, 6), _line)
_markers = st.sampled_from(["-", "*", "1.", "2.", "- [ ]", "- [x]"])
_lists = st.lists(st.tuples(st.integers(0, 2), _markers, _line), min_size=1, max_size=6).map(
    lambda items: "\n".join(f"{'   ' * depth}{marker} {text}" for depth, marker, text in items)
)
_quotes = paragraphs.map(lambda block: "\n".join(f"> {line}" for line in block.split("\n")))
running_text = st.lists(
    st.one_of(paragraphs, _headings, _lists, _quotes),
    min_size=1,
    max_size=7,
).map("\n\n".join)

CODE_LINES = (
    "def f(x):",
    "    return x ** 2  # 漢字 👍",
    "",
    "\tindented = '`tick`'",
    "if a < b and c > d:  # *not* _bold_",
    "```not a fence",
    "- no list",
    "# no heading",
    "> no quote",
    "| no | table |",
    "\\ back \\* slash",
    "x" * 40,
)
programs = st.tuples(
    st.sampled_from(["", "python", "js", "c++"]), st.lists(st.sampled_from(CODE_LINES), min_size=1, max_size=25)
)

_cells = st.lists(_PIECES.filter(lambda piece: ":" not in piece), max_size=5).map(" ".join)
tables = st.integers(1, 6).flatmap(
    lambda columns: st.lists(st.lists(_cells, min_size=columns, max_size=columns), min_size=1, max_size=8)
)

_OPENS_LINE = re.compile(r"^(?:\s|>)*(?:(?:[-*•]|\d+\.)\s+)?(?:\[[ x]\]\s|[☐☑]\s)?(?:#{1,6} |-# )?")


def text_of(markdown: str) -> str:
    """The text without markup and without spaces."""
    lines = [_OPENS_LINE.sub("", line) for line in markdown.replace("\u200b", "").split("\n")]
    return "".join(re.sub(r"</?b>|[\s*_~`|\\>━]", "", line) for line in lines)


def code_of(pages: tuple[str, ...]) -> list[str]:
    """The lines of all code on the pages."""
    lines: list[str] = []
    inside = False
    for line in "\n".join(pages).split("\n"):
        if line.startswith("```"):
            inside = not inside
        elif inside:
            lines.append(line.replace("\u200b", ""))
    return lines


def as_table(rows: list[list[str]]) -> str:
    """The rows under a header of 頭0, 頭1…"""
    columns = len(rows[0])
    lines = [[f"頭{column}" for column in range(columns)], ["---"] * columns, *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def kinds(body: str) -> list[tuple[int, str]]:
    """The depth of quotes and the form of each line of a page."""
    found: list[tuple[int, str]] = []
    fence: int | None = None
    for line in body.split("\n") if body else []:
        quotes, text = _unquoted(line, fence)
        if text.startswith("```"):
            fence = quotes if fence is None else None
            found.append((quotes, "fence"))
        else:
            found.append((quotes, "code" if fence is not None else _form(text)))
    return found


def _unquoted(line: str, most: int | None) -> tuple[int, str]:
    quotes = 0
    while line.startswith(">") and (most is None or quotes < most):
        line, quotes = line[1:].removeprefix(" "), quotes + 1
    return quotes, line


def _form(line: str) -> str:
    if re.match(r"#{1,3} ", line):
        return "heading"
    if re.match(r"\s*(?:[-*]|\d+\.) ", line):
        return "list"
    if line.startswith("-# "):
        return "small"
    return "text" if line.strip() else "blank"
