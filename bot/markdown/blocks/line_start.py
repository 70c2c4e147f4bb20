"""The kind of a line, derived from its start as soon as it is certain."""

import re
from dataclasses import dataclass
from enum import Enum, auto

from bot.markdown.blocks.languages import is_language
from bot.markdown.inline.outline import outline


class Kind(Enum):
    BLANK = auto()
    FENCE = auto()
    FORMULA = auto()
    HEADING = auto()
    RULE = auto()
    UNDERLINE = auto()
    ITEM = auto()
    FOOTNOTE = auto()
    INDENTED = auto()
    TEXT = auto()


@dataclass(frozen=True, slots=True)
class Head:
    """A line's kind, its marker (fence, hashes, list marker, name) and where its text begins."""

    kind: Kind
    marker: str = ""
    indent: int = 0
    text: int = 0
    info: str = ""


_QUOTE = re.compile(r" {0,3}(?:> ?){1,8}")  # Discord draws one level, so more than a few are only text
_ONE_QUOTE = re.compile(r" {0,3}> ?")
_LONGEST_HELD = 400  # the most characters of a line that are held back while its kind is not certain

_UNCERTAIN = re.compile(
    r"\s*(?:#{1,6}\s*|(?:[-+*_](?:\s*[-+*_])*|•)\s*(?:\[[ xX]?\]?\s*)?|\d{1,9}(?:[.)]\s*(?:\[[ xX]?\]?\s*)?)?"
    r"|=+\s*|-#|\||`{1,2}|~{1,2}|\$|\\|\\b[a-z]*|\[|\[\^[^\]\s]*(?:\]:?\s*)?)?\Z"
)
_MARKER = r"(?:[-*+•]|\d{1,9}[.)])\s+(?:\[[ xX]\]\s+)?"
_WHOLE_LINE = re.compile(
    rf"\s*(?:{_MARKER}(?:`{{1,2}}|~{{1,2}})|(?:{_MARKER})?(?:`{{3,}}[^`]*|~{{3,}}.*)"
    r"|\$\$(?:(?!\$\$).)*\$?\$?\s*|\\\[(?:(?!\\\]).)*(?:\\\]\s*)?|\\begin\{.*)\Z"
)

_FENCE = re.compile(r"(\s*)(`{3,}(?=[^`]*\Z)|~{3,})(.*)\Z")
_FORMULA = re.compile(r"\s*(?:(\$\$)(?!.*\$\$\s*\S)|(\\\[)(?!.*\\\]\s*\S)|(\\begin)\{([A-Za-z]+\*?)\})")
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(?=\S)")
_RULE = re.compile(r" {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*\Z")
_UNDERLINE = re.compile(r" {0,3}=+[ \t]*\Z")
_ITEM = re.compile(r"([ \t]*)([-*+•]|\d{1,9}[.)])([ \t]+)(?:\[([ xX])\][ \t]+)?(?=\S)")
_NOTE = re.compile(r"\[\^([^\]\s]{1,40})\]:[ \t]*(?=\S)")
_INDENTED = re.compile(r"(?: {4}| {0,3}\t)[ \t]*(?=\S)")


def quote(line: str) -> int:
    """The index at which the text after the quote markers begins; 0 if the line is no quote."""
    found = _QUOTE.match(line)
    return found.end() if found is not None else 0


def unquoted(line: str, depth: int) -> int | None:
    """The index at which the text of a block `depth` quotes deep begins; None if the line is outside the quote."""
    at = 0
    for level in range(depth):
        found = _ONE_QUOTE.match(line, at)
        if found is None:
            return at if level else None
        at = found.end()
    return at


_FENCE_AT_END = re.compile(r"[ \t]*([\w+#.-]*)[ \t]*\Z")


def fence_after_words(text: str) -> Head | None:
    """The fence at the end of the text, if a block of code begins there after words; its `text` is its own index.

    Backticks in the text that close it again are inline code, and so is a fence with words after it that name no
    language.
    """
    if "```" not in text:
        return None
    for at, run in reversed(outline(text).open.items()):
        if run.startswith("```"):
            found = _FENCE_AT_END.match(text, at + len(run))
            if found is not None and (not found[1] or is_language(found[1].lower())):
                return Head(Kind.FENCE, run, text=at, info=found[1])
            return None
    return None


def columns(space: str) -> int:
    """The width of leading white space, tabs reaching to the next multiple of four."""
    return len(space.expandtabs(4))


def head(line: str, *, ended: bool, may_indent: bool) -> Head | None:
    """The head of a line (without quote markers); None while the next character could change it.

    `ended`: the line is complete. `may_indent`: four spaces would begin a code block here.
    """
    is_held = len(line) < _LONGEST_HELD
    if not ended and is_held and (_UNCERTAIN.match(line) or _WHOLE_LINE.match(line)):
        return None
    if not line.strip():
        return Head(Kind.BLANK)
    if may_indent and _INDENTED.match(line):
        return Head(Kind.INDENTED)
    # A longer line was text before its end came, unless it came in one piece, which must not matter.
    return (_whole(line) if ended and is_held else None) or _prefix(line) or Head(Kind.TEXT)


def _whole(line: str) -> Head | None:
    """The head of a line whose kind needs a complete line; None for other kinds."""
    if (found := _FENCE.match(line)) is not None:
        return Head(Kind.FENCE, found[2], columns(found[1]), info=found[3].strip())
    if (found := _FORMULA.match(line)) is not None:
        indent = columns(line[: len(line) - len(line.lstrip())])
        return Head(Kind.FORMULA, found[1] or found[2] or found[3], indent, found.end(), found[4] or "")
    if _RULE.match(line):
        return Head(Kind.RULE)
    if _UNDERLINE.match(line):
        return Head(Kind.UNDERLINE)
    return None


def _prefix(line: str) -> Head | None:
    """The head of a line whose kind depends on its start alone; None for other kinds."""
    if (found := _HEADING.match(line)) is not None:
        return Head(Kind.HEADING, found[1], text=found.end())
    if (found := _ITEM.match(line)) is not None:
        return Head(Kind.ITEM, found[2], columns(found[1]), found.end(), info=(found[4] or "").replace(" ", "-"))
    if (found := _NOTE.match(line)) is not None:
        return Head(Kind.FOOTNOTE, found[1], text=found.end())
    return None
