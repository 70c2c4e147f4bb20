"""Emphasis: which `*`, `_` and `~~` open or close it, and which are still open in a text that streams in.

CommonMark decides by the characters on both sides of a run of marks (spec 0.31, "left-flanking" and
"right-flanking"). Its rule needs a space between punctuation and a word. Chinese, Japanese and Korean write none,
so `**注意：**請` would not be bold. Discord has no such rule and draws every pair. Here CJK punctuation counts
as a letter, a CJK neighbour allows what a space allows, and pairs that only the strict rule refuses are kept.
"""

import unicodedata
from collections.abc import Iterator

from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter

LONGEST_RUN = 6  # marks in a row; more are a line or an ornament, and stay text

_CJK = (
    (0x1100, 0x11FF),  # Hangul Jamo
    (0x2E80, 0xA4CF),  # radicals, CJK punctuation, kana, bopomofo, ideographs, Yi
    (0xA960, 0xA97F),  # Hangul Jamo Extended-A
    (0xAC00, 0xD7FF),  # Hangul syllables
    (0xF900, 0xFAFF),  # compatibility ideographs
    (0xFE30, 0xFE4F),  # vertical forms
    (0xFF00, 0xFFEF),  # full-width forms
    (0x20000, 0x3FFFF),  # ideographs beyond the first plane
)
_WIDTH = {"*": 1, "_": 1, "~": 2}
_STAR, _TILDE = ord("*"), ord("~")
_OPENING = ("Ps", "Pi")  # Unicode's categories of opening brackets and quotes
_NOT_BEFORE_A_CLOSER = frozenset("/\\@#$&<=+|-_`")


def flanks(before: str, after: str, mark: str) -> tuple[bool, bool]:
    """Whether a run of `mark` between these two characters can open, and can close, emphasis.

    `before` and `after` are a space at the ends of the text. For `_`, CommonMark's rule holds unchanged, so that
    `snake_case` stays text.
    """
    near_cjk = mark != "_"
    left = not after.isspace() and (
        not _is_punctuation(after, near_cjk)
        or before.isspace()
        or _is_punctuation(before, near_cjk)
        or (near_cjk and _is_cjk(before))
    )
    right = not before.isspace() and (
        not _is_punctuation(before, near_cjk)
        or after.isspace()
        or _is_punctuation(after, near_cjk)
        or (near_cjk and _is_cjk(after))
    )
    if mark != "_":
        return left, right
    return left and (not right or _is_punctuation(before)), right and (not left or _is_punctuation(after))


def _is_cjk(character: str) -> bool:
    code = ord(character)
    return code >= 0x1100 and any(first <= code <= last for first, last in _CJK)


def _is_punctuation(character: str, without_cjk: bool = False) -> bool:
    """Whether CommonMark counts it as punctuation: Unicode's P and S."""
    if character.isalnum() or (without_cjk and _is_cjk(character)):
        return False
    return unicodedata.category(character)[0] in "PS"


def marks(state: StateInline, silent: bool) -> bool:
    """The rule of the parser for a run of marks; the parser pairs them when it has seen the whole text."""
    mark = state.src[state.pos]
    width = _WIDTH.get(mark)
    if width is None or silent:
        return False
    end = state.pos
    while end < state.posMax and state.src[end] == mark:
        end += 1
    length = end - state.pos
    if length < width or length > LONGEST_RUN:
        state.append_pending(state.src[state.pos : end])
        state.pos = end
        return True
    if length % width:
        state.push("text", "", 0).content = mark
    before = state.src[state.pos - 1] if state.pos else " "
    after = state.src[end] if end < state.posMax else " "
    opens, closes = flanks(before, after, mark)
    for _ in range(length // width):
        token = state.push("text", "", 0)
        token.content = mark * width
        token.meta["around"] = (before, after)
        state.delimiters.append(
            # A length of 0 turns CommonMark's rule of three off, which is for `*` and `_` only.
            Delimiter(ord(mark), length if width == 1 else 0, len(state.tokens) - 1, -1, opens, closes)
        )
    state.pos = end
    return True


def pair_leftovers(state: StateInline) -> None:
    """Pair `**…**` and `~~…~~` that the flanking rule refused, as in `**Note:**text`, where Discord draws them.

    Runs after the strict pairing, outside links and spoilers. The opener must not end a word and the closer not
    begin one: `f(**a), g(**b)` and `a ** b ** c` stay text.
    """
    waiting: tuple[list[int], int] | None = None
    for run, inside in _left_over(state):
        mark = state.delimiters[run[0]]
        if waiting is not None:
            first, depth = waiting
            fits = depth == inside and state.delimiters[first[0]].marker == mark.marker
            if fits and _closes_late(state, state.delimiters[first[0]], mark):
                for opener, closer in zip(first, reversed(run), strict=True):
                    state.delimiters[opener].end = closer
                    state.delimiters[opener].open = state.delimiters[closer].open = False
                waiting = None
                continue
        waiting = (run, inside) if _opens_late(state, mark) else None


def _left_over(state: StateInline) -> Iterator[tuple[list[int], int]]:
    """The unpaired runs of two marks, as indices into the delimiters, each with the pair that it is inside of."""
    enclosing = [-1]
    ends = {mark.end for mark in state.delimiters if mark.end >= 0}
    index = 0
    while index < len(state.delimiters):
        mark = state.delimiters[index]
        following = state.delimiters[index + 1] if index + 1 < len(state.delimiters) else None
        if mark.end >= 0:
            enclosing.append(index)
        elif index in ends:
            enclosing.pop()
        elif mark.marker == _TILDE:
            yield [index], enclosing[-1]
        elif (
            mark.marker == _STAR
            and mark.length == 2
            and following is not None
            and following.token == mark.token + 1
            and following.end < 0
            and index + 1 not in ends
        ):
            yield [index, index + 1], enclosing[-1]
            index += 1
        index += 1


def _around(state: StateInline, mark: Delimiter) -> tuple[str, str]:
    """The characters before and after the run of a mark."""
    before, after = state.tokens[mark.token].meta["around"]
    return str(before), str(after)


def _opens_late(state: StateInline, mark: Delimiter) -> bool:
    _, after = _around(state, mark)
    return not after.isspace() and after not in ".,;:!?…" and unicodedata.category(after) not in ("Pe", "Pf")


def _closes_late(state: StateInline, opener: Delimiter, mark: Delimiter) -> bool:
    before, _ = _around(state, mark)
    if before in "\"'":
        return before == _around(state, opener)[1]
    return (
        not before.isspace()
        and before not in _NOT_BEFORE_A_CLOSER
        and unicodedata.category(before) not in _OPENING
    )


def closers(state: StateInline) -> str:
    """The marks that would close what is open, innermost first. Call it after the marks were paired."""
    late = {index for run, _ in _left_over(state) for index in run if _opens_late(state, state.delimiters[run[0]])}
    return "".join(
        "~~" if mark.marker == _TILDE else chr(mark.marker)
        for index, mark in reversed(list(enumerate(state.delimiters)))
        if mark.end < 0 and (mark.open or index in late) and state.tokens[mark.token].type == "text"
    )
