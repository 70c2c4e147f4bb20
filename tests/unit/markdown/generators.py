"""Generators of answers, well-formed and broken. Every word is numbered, so that loss and repetition show."""

import re

from hypothesis import strategies as st

WORD = "§"  # stands for the next numbered word

_texts = st.sampled_from(
    [
        WORD,
        f"{WORD} {WORD}",
        f"{WORD}, {WORD}. {WORD}!",
        f"漢字{WORD}かな。{WORD}、",
        f"مرحبا {WORD} بالعالم",
        f"👩‍👩‍👧‍👦 {WORD} 🇩🇪🇯🇵",
        f"e\u0301 {WORD} ñ",
        f"don't {WORD} — “{WORD}” …",
        f"2 * 3 = {WORD}",
        f"a_b_c {WORD}",
        f"${5} and {WORD}",
        f"x < y {WORD} > z",
        f"a || b {WORD}",
        f"#{WORD} @everyone <@123456789012345678>",
        f"{WORD} " * 30,
        f"1. {WORD} 2) {WORD}",
    ]
)
_wrapped = st.builds(
    lambda around, text: around.replace("…", text.strip()),
    st.sampled_from(
        [
            "**…**",
            "*…*",
            "_…_",
            "***…***",
            "~~…~~",
            "`…`",
            "``…``",
            "||…||",
            "<b>…</b>",
            "[…](https://example.com/a_b)",
            "**… `code` …**",
            "**… *…* …**",
            "<u>…</u>",
            "![…](https://example.com/i.png)",
            "$x^2$ …",
            "\\(\\alpha\\) …",
            "… &amp; …",
            "**…",
            "`…",
            "[…",
            "*…",
            "~~…",
            "||…",
            "<b>…",
            "$…",
            "…](",
            "… **",
            "\\*…\\*",
            "[…](javascript:alert)",
            "…[^1]",
        ]
    ),
    _texts,
)
inline = (
    st.lists(st.one_of(_texts, _wrapped), min_size=1, max_size=5)
    .map(" ".join)
    .map(lambda text: " ".join(text.split()))
)

_code_line = st.sampled_from(
    [
        f"def {WORD}():",
        "    return 1",
        "",
        f"# {WORD} ``` {WORD}",
        f"x = '{WORD}' * 3",
        f"| {WORD} | {WORD} |",
        f"- {WORD}",
    ]
)
_language = st.sampled_from(["", "python", "c++", "markdown", "js title=x", "unknown language"])


def _fenced(language: str, lines: list[str], fence: str, closed: bool) -> str:
    return "\n".join([f"{fence}{language}", *lines, *([fence] if closed else [])])


fences = st.builds(
    _fenced,
    _language,
    st.lists(_code_line, max_size=8),
    st.sampled_from(["```", "````", "~~~"]),
    st.booleans(),
)
paragraphs = st.lists(inline, min_size=1, max_size=4).map("\n".join)
headings = st.builds(lambda level, text: f"{'#' * level} {text}", st.integers(1, 6), inline)


def _indented(block: str, by: str) -> str:
    return "\n".join(by + line if line else line for line in block.split("\n"))


def _list(items: list[tuple[int, str, str]]) -> str:
    return "\n".join(f"{'  ' * depth}{marker} {text}" for depth, marker, text in items)


lists = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["-", "*", "1.", "2.", "10.", "3)", "- [ ]", "- [x]"]), inline),
    min_size=1,
    max_size=6,
).map(_list)
_cell = st.sampled_from([WORD, f"**{WORD}**", "漢字", "", f"`{WORD}`", "x y", "👍", f"[{WORD}](https://a.b)"])


def _table(columns: int, rows: list[list[str]]) -> str:
    head = [f"h{column}" for column in range(columns)]
    lines = [head, ["---"] * columns, *[(row + [""] * columns)[:columns] for row in rows]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


tables = st.builds(_table, st.integers(1, 6), st.lists(st.lists(_cell, min_size=6, max_size=6), max_size=12))
_block = st.one_of(
    paragraphs,
    headings,
    lists,
    tables,
    fences,
    st.sampled_from(["---", "***", "Title\n===", "- - -", "|", "#", "```"]),
)
_quoted = st.one_of(paragraphs, lists, fences, tables).map(lambda block: _indented(block, "> "))
_in_item = fences.map(lambda block: "1. item\n" + _indented(block, "   "))
_formulas = st.sampled_from(
    [
        "$$\nE = mc^2\n$$",
        "\\[ x \\]",
        "$$ \\frac{a}{b} $$",
        "\\begin{align}\na &= b\n\\end{align}",
        "$$\nnever closed",
    ]
)
_long = st.sampled_from(["y" * 300, "漢" * 300, "👩‍👩‍👧‍👦" * 60, "e\u0301" * 200])


def numbered(text: str) -> str:
    """Every placeholder replaced by its own word."""
    count = iter(range(text.count(WORD)))
    return re.sub(WORD, lambda _: f"q{next(count)}z", text)


documents = (
    st.lists(
        st.tuples(
            st.one_of(_block, _block, _quoted, _in_item, _formulas, _long),
            st.sampled_from(["\n\n", "\n\n", "\n", "\n\n\n"]),
        ),
        max_size=8,
    )
    .map(lambda blocks: "".join(block + gap for block, gap in blocks))
    .map(numbered)
)
soup = st.text(alphabet="ab *_`~|[]()<>#-+.!\\$&;:/\n\t1>👍🇩é漢\u200b\u202e", max_size=300)
cuts = st.lists(st.integers(1, 30), min_size=1, max_size=40)


def chunks(text: str, sizes: list[int]) -> list[str]:
    """The text in pieces of these sizes, over and over."""
    out, at, turn = [], 0, 0
    while at < len(text):
        size = sizes[turn % len(sizes)]
        out.append(text[at : at + size])
        at, turn = at + size, turn + 1
    return out
