"""Formulas in running text: where they begin and end, and how they differ from prices and shell variables."""

import re

_PRICE = re.compile(r"\d[\d.,]*\s?(?:[kKmMbB%]\b|[A-Za-z]{2,}|[.,;:!?)]?(?:\s|\Z))")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]+(?![A-Z0-9_^$}])")
_LONGEST_INLINE = 250
INCOMPLETE = -1


def inline_end(source: str, at: int) -> int | None:
    r"""The index at which the formula that opens at `at` (`$`, `$$`, `\(` or `\[`) ends, closer included.

    None: there is no formula (a price, a shell variable, a lone dollar). `INCOMPLETE`: more text may still close
    it. The rule for single dollars is Pandoc's: no space inside either dollar, no digit after the closing one.
    """
    if source.startswith("\\", at):
        return _until(source, at, "\\)" if source[at + 1 : at + 2] == "(" else "\\]")
    if source.startswith("$$", at):
        return _until(source, at, "$$")
    inside = source[at + 1 : at + 1 + _LONGEST_INLINE]
    if not inside:
        return INCOMPLETE
    if inside[0].isspace() or _PRICE.match(inside) or _VARIABLE.match(inside):
        return None
    return _dollar_end(source, at)


def _until(source: str, at: int, closer: str) -> int | None:
    end = source.find(closer, at + 2, at + _LONGEST_INLINE * 4)
    if end >= 0:
        return end + 2 if source[at + 2 : end].strip() else None
    return INCOMPLETE if len(source) - at < _LONGEST_INLINE * 4 else None


def _dollar_end(source: str, at: int) -> int | None:
    index = at + 1
    while index < len(source) and index - at < _LONGEST_INLINE:
        if source[index] == "\\":
            index += 2
            continue
        if source[index] == "\n":
            return None
        if source[index] == "$":
            closes = not source[index - 1].isspace() and not source[index + 1 : index + 2].isdigit()
            return index + 1 if closes else None
        index += 1
    return INCOMPLETE if index - at < _LONGEST_INLINE else None
