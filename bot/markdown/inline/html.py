"""The HTML tags that models write inside Markdown, and their meaning."""

import re
from html import unescape

_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)((?:[^>\"']|\"[^\"]*\"|'[^']*')*)>")
_ATTRIBUTE = re.compile(r"([a-z]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>\"']+))", re.IGNORECASE)

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_BOLD = ("b", "strong", "mark", "summary", "th", "caption", *_HEADINGS)
MARKS = {
    **dict.fromkeys(_BOLD, "**"),
    **dict.fromkeys(("i", "em", "cite", "var", "dfn"), "*"),
    **dict.fromkeys(("u", "ins"), "__"),
    **dict.fromkeys(("s", "del", "strike"), "~~"),
    **dict.fromkeys(("code", "kbd", "samp", "tt"), "`"),
}
BREAKS_BEFORE = frozenset(("li", "tr", "hr"))
BREAKS_AFTER = frozenset(
    [
        "p",
        "div",
        "section",
        "article",
        "summary",
        "details",
        *_HEADINGS,
        "blockquote",
        "center",
        "table",
        "ul",
        "ol",
        "pre",
        "caption",
        "dt",
        "dd",
    ]
)
_SILENT = BREAKS_AFTER | frozenset(
    [
        "span",
        "font",
        "small",
        "big",
        "abbr",
        "thead",
        "tbody",
        "tfoot",
        "td",
        "th",
        "li",
        "tr",
        "q",
        "label",
        "nobr",
        "figure",
        "figcaption",
        "main",
        "header",
        "footer",
        "colgroup",
        "col",
        "wbr",
        "time",
        "bdi",
        "dl",
        "picture",
    ]
)
_OTHERS = frozenset(("a", "img", "br", "hr", "sub", "sup"))
KNOWN = frozenset(MARKS) | _SILENT | _OTHERS


def parsed(tag: str) -> tuple[str, bool, dict[str, str]] | None:
    """Name (lower case), whether it closes, and attributes of a known tag; None for anything else."""
    found = _TAG.fullmatch(tag)
    if found is None or found[2].lower() not in KNOWN:
        return None
    attributes = {
        item[1].lower(): unescape(item[2] or item[3] or item[4] or "") for item in _ATTRIBUTE.finditer(found[3])
    }
    return found[2].lower(), bool(found[1]), attributes


def is_paired(tag: str) -> int:
    """+1 if a later tag must close this tag, -1 if this tag closes an earlier one, else 0."""
    known = parsed(tag)
    if known is None or (known[0] not in MARKS and known[0] not in ("a", "sub", "sup")) or tag.endswith("/>"):
        return 0
    return -1 if known[1] else 1


_UNFINISHED = re.compile(r"</?([A-Za-z][A-Za-z0-9]*)?(?:\Z|\s[^<>]*\Z|/?\Z)")


def may_become_tag(text: str) -> bool:
    """True if `text`, which starts with <, could still become a known tag or an address in angle brackets."""
    if ">" in text or "\n\n" in text:
        return False
    if re.match(r"<(?:h|ht|htt|https?(?::\S*)?|mailto:\S*)\Z", text):
        return True
    found = _UNFINISHED.match(text)
    if found is None:
        return False
    name = (found[1] or "").lower()
    if found.end(1) == len(text) or not name:
        return any(tag.startswith(name) for tag in KNOWN)
    return name in KNOWN
