"""Whether a position of a Markdown text is inside code, for a text that arrives in pieces."""

from __future__ import annotations

import re

_STEP = re.compile(r"`+|~{3,}|\n")
_BLOCK_START = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*")
_INDENTED = re.compile(r" {4}|\t")
_LINE_ENDS_KEPT = 64
_LONGEST_RUN = 64


def unfinished_run(text: str) -> int:
    """The number of backticks or tildes at the end of a text, whose run may go on; 0 when they are more than any
    fence has, because nothing has to wait for the end of such a run."""
    last = text[-1:]
    run = len(text) - len(text.rstrip(last)) if last and last in "`~" else 0
    return run if run <= _LONGEST_RUN else 0


class CodeSpans:
    """Follows fences, inline code and indented lines.

    A run of three or more backticks opens a block wherever it stands, because models write fences after words
    too. Shorter runs open inline code, which a blank line ends, as in CommonMark.
    """

    def __init__(self) -> None:
        self._line = ""
        self._run = ""
        self._opened_here = False

    @property
    def inside(self) -> bool:
        """Whether the text so far ends inside code."""
        return bool(self._run) or _INDENTED.match(self._line) is not None

    @property
    def line(self) -> str:
        """The last line so far; of a long one its beginning and its end."""
        return self._line

    @property
    def begins_block(self) -> bool:
        """Whether nothing but indentation and marks of lists and quotations is in the last line."""
        return _BLOCK_START.fullmatch(self._line) is not None

    def read(self, text: str) -> None:
        """Follow a piece, which must not end inside a run of backticks or tildes."""
        if not text:
            return
        at = 0
        for found in _STEP.finditer(text):
            self._extend(text[at : found.start()])
            at = found.end()
            if found[0] == "\n":
                self._end_line()
            else:
                self._meet(found[0])
                self._extend(found[0])
        self._extend(text[at:])

    def _extend(self, text: str) -> None:
        line = self._line + text
        if len(line) > 2 * _LINE_ENDS_KEPT:
            line = line[:_LINE_ENDS_KEPT] + line[-_LINE_ENDS_KEPT:]
        self._line = line

    def _end_line(self) -> None:
        if len(self._run) < 3 and not self._line.strip():
            self._run = ""
        self._line, self._opened_here = "", False

    def _meet(self, run: str) -> None:
        if not self._run:
            if run[0] == "`" or self.begins_block:
                self._run, self._opened_here = run, True
        elif len(self._run) < 3:
            if run == self._run:
                self._run = ""
        elif run.startswith(self._run) and (self._opened_here or self.begins_block):
            self._run = ""
