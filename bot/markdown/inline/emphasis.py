"""Emphasis: which `*`, `_` and `~~` are still open in a text that streams in."""

from markdown_it.rules_inline import StateInline

_MARKS = {0x2A: "*", 0x5F: "_", 0x7E: "~~"}


def closers(state: StateInline) -> str:
    """The marks that would close what is open, innermost first. Call it after markdown-it has paired the marks."""
    return "".join(
        _MARKS[mark.marker]
        for mark in reversed(state.delimiters)
        if mark.open and mark.end < 0 and state.tokens[mark.token].type == "text"
    )
