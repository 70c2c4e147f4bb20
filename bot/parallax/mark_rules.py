"""The rules by which a mark in an answer counts as one, or is part of the answer's text."""

from __future__ import annotations

import re

from bot.parallax import marks
from bot.parallax.code_spans import CodeSpans, unfinished_run
from bot.parallax.marks import Kind, Mark

_QUOTES = frozenset("`'\"“‘«")
_SENTENCE_ENDS = frozenset(".!?:…。！？：")
_LOST_ANALYSIS = re.compile(r"analysis(?=[A-Z])")
_ANSWER_OPENS = Mark(marks.ANSWER_OPENS, Kind.WRAPPER)
_ANSWER_CLOSES = Mark(marks.ANSWER_CLOSES, Kind.WRAPPER)


class MarkRules:
    """Finds the marks that count.

    A tag such as ``<think>`` counts at the beginning of the content, directly after another block, at the
    beginning of a line and after the end of a sentence; a special token counts anywhere. Neither does inside code,
    nor in the middle of an answer to somebody who wrote this mark (``asked``). The end of a thinking that was
    never opened counts, unless it is in quotes or the answer named such a mark before.
    """

    def __init__(self, asked: frozenset[str]) -> None:
        self.asked = asked
        self.saw_thinking = False
        self.in_channels = False
        """Whether the answer has messages of the Harmony format."""
        self._wrapped = False
        self._named = False
        self._code = CodeSpans()

    def is_undecided(self, content: str, *, first: bool) -> bool:
        """Whether the beginning of a mark is all of the content so far; ``first``: nothing came before it."""
        if marks.may_become_mark(content, 0):
            return True
        if first:
            # A token is held, and no shorter word that an answer may begin with.
            return content.startswith("anal") and marks.LOST_ANALYSIS.text.startswith(content)
        return self.saw_thinking and not self._wrapped and marks.ANSWER_OPENS.startswith(content)

    def at_start(self, content: str, *, first: bool) -> Mark | None:
        """The mark that counts at the start of this content, which ``first`` or a block precedes."""
        if first and _LOST_ANALYSIS.match(content):
            return marks.LOST_ANALYSIS
        if self.saw_thinking and not self._wrapped and content.startswith(marks.ANSWER_OPENS):
            self._wrapped = True
            return _ANSWER_OPENS
        mark = marks.mark_at(content, 0)
        if mark is None or mark.kind is Kind.CLOSING or (mark.kind is Kind.END and not self.in_channels):
            return None
        if mark.text not in self.asked or self.in_channels:
            return mark
        # Somebody wrote this mark; a model that thinks with it does so first.
        return mark if first and mark.kind in {Kind.THINKING, Kind.CHANNEL} else None

    def split(self, text: str) -> tuple[int, Mark | None]:
        """How much of a text inside the answer can be passed on, and the mark that counts right after it."""
        read = 0
        for start in marks.STARTS.finditer(text):
            at = start.start()
            mark = marks.mark_at(text, at) or self._answer_closes(text, at)
            if mark is None:
                if self._is_unfinished(text, at):
                    return self._read_to(text, read, at), None
                continue
            self._code.read(text[read:at])
            read = at
            if self._counts(mark):
                return at, mark
            self._named = self._named or mark.kind is Kind.THINKING
        return self._read_to(text, read, len(text)), None

    def read(self, text: str) -> None:
        """Follow text of the answer in which no mark counts."""
        self._code.read(text)

    def _answer_closes(self, text: str, at: int) -> Mark | None:
        return _ANSWER_CLOSES if self._wrapped and text.startswith(marks.ANSWER_CLOSES, at) else None

    def _is_unfinished(self, text: str, at: int) -> bool:
        return marks.may_become_mark(text, at) or (self._wrapped and marks.ANSWER_CLOSES.startswith(text[at:]))

    def _read_to(self, text: str, read: int, end: int) -> int:
        """Follow the text from ``read`` to ``end``, or to the run of backticks before it; returns where it
        ends."""
        end -= unfinished_run(text[read:end])
        self._code.read(text[read:end])
        return end

    def _counts(self, mark: Mark) -> bool:
        if self._code.inside or (mark.text in self.asked and not self.in_channels):
            return False
        line = self._code.line
        if mark.kind is Kind.CLOSING:
            return not (self.saw_thinking or self._named) and line[-1:] not in _QUOTES
        if mark.kind is Kind.END:
            return self.in_channels
        return not mark.is_word or self._code.begins_block or line.rstrip()[-1] in _SENTENCE_ENDS
