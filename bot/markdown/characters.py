"""Rules for characters: which are removed, where text may be cut, how wide it is.

Sources: Unicode UAX #29 (grapheme clusters, the part that matters for cutting), UAX #11 (East Asian width),
UTS #39 and "Trojan Source" (invisible and reordering characters), ECMA-48 (escape sequences of terminals).
"""

import re
import unicodedata
from collections.abc import Iterable

ZWSP = "\u200b"
_ZWJ = "\u200d"

_CONTROLS = (*range(0x09), *range(0x0D, 0x20), *range(0x7F, 0x85), *range(0x86, 0xA0))
_REORDERING = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))

REMOVED_OUTSIDE_CODE: dict[str, tuple[int, ...]] = {
    "control characters: they show nothing, and Discord drops them": _CONTROLS,
    "directions, overrides and isolates: they change the order that people read": _REORDERING,
    "soft hyphen, joiners of words and invisible operators: they hide in words that people compare": (
        *(0xAD, 0x034F, 0x2060, 0x2061, 0x2062, 0x2063, 0x2064),
        *range(0x206A, 0x2070),
    ),
    "letters drawn as nothing (Hangul fillers, Khmer vowels, blank Braille): they make empty names and lines": (
        *(0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
    ),
    "spaces without width and marks of byte order: they split words, mentions and links unseen": (
        *(0x180E, 0x200B, 0x2065, 0xFEFF),
    ),
    "marks of interlinear notes, tags and variations: they are drawn as nothing and can carry hidden text": (
        *range(0xFFF9, 0xFFFC),
        *range(0xE0000, 0xE0020),
        *range(0xE0080, 0xE0100),
    ),
}
"""What is removed from text, by reason. Code is shown as it was written: see `clean_code`. The joiners U+200C and
U+200D stay everywhere, because scripts and emoji need them; so do the tags of flags (U+E0020 to U+E007F)."""


def _table(*groups: Iterable[int]) -> dict[int, str | None]:
    removed: dict[int, str | None] = {code: None for group in groups for code in group}
    return removed | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")


def _any_of(table: dict[int, str | None]) -> re.Pattern[str]:
    return re.compile("[" + "".join(re.escape(chr(code)) for code in table) + "]")


_TEXT = _table(*REMOVED_OUTSIDE_CODE.values()) | {0x0B: " ", 0x0C: " ", 0x85: "\n", 0x2028: "\n", 0x2029: "\n"}
_CODE = _table(_CONTROLS)
_REORDERS: dict[int, str | None] = dict.fromkeys(_REORDERING)
# `translate` visits every character, and most text has none of these: a search first is faster.
_SUSPECT = _any_of(_TEXT)
_SUSPECT_IN_CODE = _any_of(_CODE)
# Not ESC: it may begin a sequence.
_INVISIBLE_START = re.compile(f"(?:(?!\x1b){_any_of(_table(*REMOVED_OUTSIDE_CODE.values())).pattern})+")

# A sequence of a terminal: CSI (with its parameters), OSC, or two characters.
LONGEST_SEQUENCE = 80
_SEQUENCE = re.compile(
    "\x1b(?:\\[[0-?]{0,64}[ -/]{0,8}[@-~]|\\][^\x07\x1b\\s]{0,70}(?:\x07|\x1b\\\\)|[@-Z\\\\^_])"
)
_COLOUR = re.compile("\x1b\\[[0-9;]{0,64}m")
_BEGUN = re.compile("\x1b(?:\\[[0-?]{0,64}[ -/]{0,8})?\\Z")


def clean(text: str) -> str:
    """Text outside code without invisible, reordering and control characters; other line ends become \\n.

    Sequences of terminals are removed whole. Unpaired surrogates become U+FFFD, so the result can be encoded.
    """
    if text.isascii() and text.isprintable():  # as most text is
        return text
    if "\x1b" in text:
        text = _SEQUENCE.sub("", text)
    return text.translate(_TEXT) if _SUSPECT.search(text) else text


def clean_code(code: str, *, colours: bool = False) -> str:
    """Code as it was written, but without control characters (tabs stay) and without sequences of terminals.

    With `colours`, those that set colours (SGR) stay: Discord draws them in blocks of the language `ansi`. An
    incomplete sequence at the end is left out.
    """
    if _SUSPECT_IN_CODE.search(code) is None:
        return code
    if not colours or "\x1b" not in code:
        return _SEQUENCE.sub("", _BEGUN.sub("", code)).translate(_CODE)
    out, at = [], 0
    for found in _COLOUR.finditer(code):
        out += [clean_code(code[at : found.start()]), found[0]]
        at = found.end()
    return "".join([*out, clean_code(code[at:])])


def clean_inline_code(code: str) -> str:
    """Inline code without control characters, nor characters that would reorder the text around it."""
    return clean_code(code).translate(_REORDERS)


def without_invisible_start(text: str) -> str:
    """The text without the invisible characters at its start, which would hide what kind of line it is."""
    found = _INVISIBLE_START.match(text)
    return text[found.end() :] if found is not None else text


def joins(before: str, after: str) -> bool:
    """True if two neighbouring characters belong to one visible character, which must not be cut."""
    code = ord(after)
    if code < 0x300:
        return False
    if before == _ZWJ or after == _ZWJ or unicodedata.category(after) in ("Mn", "Me", "Mc"):
        return True
    return 0x1F3FB <= code <= 0x1F3FF or 0xE0020 <= code <= 0xE007F or (_regional(before) and _regional(after))


def _regional(character: str) -> bool:
    return 0x1F1E6 <= ord(character) <= 0x1F1FF


_LONGEST_CLUSTER = 40


def cut_at(text: str, at: int) -> int:
    """The last index ≤ `at` between two visible characters; `at` itself when a grapheme cluster is too long.

    Flags are pairs: an odd distance from the start of a run of regional indicators is inside a flag.
    """
    if at >= len(text):
        return len(text)
    index = at
    while index > 0 and at - index < _LONGEST_CLUSTER and _inside(text, index):
        index -= 1
    return index if index > 0 and not _inside(text, index) else at


def _inside(text: str, index: int) -> bool:
    if not joins(text[index - 1], text[index]):
        return False
    if not _regional(text[index]):
        return True
    start = index
    while start > 0 and index - start < 2 * _LONGEST_CLUSTER and _regional(text[start - 1]):
        start -= 1
    return (index - start) % 2 == 1


def cut(text: str, size: int) -> str:
    """At most `size` characters from the start, not ending inside a visible character."""
    return text[: cut_at(text, size)]


def width(text: str) -> int:
    """Columns in a monospace font: wide and full-width characters and emoji take two, marks none."""
    if text.isascii():
        return len(text)
    columns = 0
    before = " "
    for character in text:
        if not joins(before, character) or _regional(character):
            columns += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        before = character
    return columns
