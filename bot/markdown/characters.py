"""Rules for characters: which are removed, where text may be cut, how wide it is, what would mention or invite.

Sources: Unicode UAX #29 (grapheme clusters, the part that matters for cutting), UAX #11 (East Asian width),
Discord's message formatting reference (mentions, timestamps, commands, custom emoji).
"""

import re
import unicodedata

ZWSP = "\u200b"
_ZWJ = "\u200d"

# Bidirectional overrides and isolates change the order that people read ("Trojan Source"); the other invisible
# characters hide text or split words. The joiners U+200C and U+200D stay: scripts and emoji need them.
_REMOVED = (
    *range(0x09),
    *range(0x0D, 0x20),
    *range(0x7F, 0x85),
    *range(0x86, 0xA0),
    *(0xAD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x200B, 0x200E, 0x200F, 0x2800, 0x3164),
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2070),
    *(0xFEFF, 0xFFA0),
    *range(0xFFF9, 0xFFFC),
    *range(0xE0000, 0xE0020),
    *range(0xE0080, 0xE0100),
)
_TABLE: dict[int, str | None] = {
    **dict.fromkeys(_REMOVED),
    **dict.fromkeys((0x0B, 0x0C), " "),
    **dict.fromkeys((0x85, 0x2028, 0x2029), "\n"),
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
}
# `translate` visits every character, and most text has none of these: a search first is faster.
_SUSPECT = re.compile("[" + "".join(re.escape(chr(code)) for code in _TABLE) + "]")

_MENTION = re.compile(
    r"<(?=@[!&]?\d|#\d|/[^\s:>]|a?:\w|t:-?\d|id:\w)|@(?=everyone|here|[!&]?\d{15,})", re.IGNORECASE
)
_INVITE = re.compile(
    r"(?:https?://)?(?:www\.|ptb\.|canary\.)?(?:discord(?:app)?\.com/+invite|discord\.(?:gg|me|io|li|link)|dsc\.gg|invite\.gg)"
    r"/+[^\s<>`)\]]+",
    re.IGNORECASE,
)


def clean(text: str) -> str:
    """The text without control, invisible and reordering characters; other line ends become \\n.

    Unpaired surrogates become U+FFFD, so the result can always be encoded.
    """
    return text.translate(_TABLE) if _SUSPECT.search(text) else text


def inert(text: str) -> str:
    """The text with a U+200B in each mention, command, custom emoji and timestamp: Discord shows them as text."""
    return _MENTION.sub(lambda found: found[0] + ZWSP, text)


def invite(text: str) -> re.Match[str] | None:
    """The first Discord invitation in the text, with or without a scheme."""
    return _INVITE.search(text)


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
