"""Running text: words are handed over as soon as they cannot change any more; the rest is shown with its open
markers closed for the moment."""

import re
from collections.abc import Sequence

from bot.markdown.blocks.base import Sink
from bot.markdown.characters import clean, cut_at
from bot.markdown.inline.parser import LONGEST_OPEN, closed_for_now, is_open, is_plain, plain_until
from bot.markdown.inline.writer import LONGEST_PIECE, spans
from bot.markdown.paginator import Atom, Line, Text

_BOUNDARY = re.compile(r"(?<!\s)\s++(?=\S)|[。！？，、；：](?=[^\s。！？，、；：」』”）…])")
_MAY_CLOSE = re.compile(r"[*_~`|\])>$\\]")
_LONGEST_WORD = 400
# A long word is not cut inside what may become a mention or an invitation: each half would look harmless.
_MAY_BECOME_LIVE = re.compile(r"[<@]|d(?:[is]|\Z)|i(?:n|\Z)", re.IGNORECASE)
_LONGEST_START = 40
_LOOK_AHEAD = 50  # characters that must be known after a forced cut: more than a grapheme cluster has
_RECHECK = 128  # characters after which an open segment is looked at again, at the latest


class Paragraph:
    """One run of inline text: a paragraph, a list item's text, a heading.

    `line` is its first line; lines after a break start with `line.again`. `wrap` are marks around all of it.
    """

    def __init__(self, line: Line, source: int, *, wrap: tuple[str, ...] = ()) -> None:
        self._again = line.again
        self.first = line
        self._source = source
        self._wrap = wrap
        self._begin("")

    def _begin(self, text: str) -> None:
        """Be at the start, with this text and nothing handed over."""
        self._line: Line | None = self.first  # the line that begins with the next text; None inside a line
        self._text = text
        self._offsets = [(0, self._source)]  # (index into _text, offset in the answer): one per source line
        self._scanned = 0
        self._looked = 0  # where the segment was last found to be open
        self.wrote = False
        self._ready: list[Atom] = []  # made for a preview, and not handed over yet
        self._ready_text = ""

    @property
    def text(self) -> str:
        """The text that was not handed over yet."""
        return self._ready_text + self._text

    def extend(self, text: str) -> None:
        """Add text to the current line."""
        self._text += text

    def next_line(self, source: int) -> None:
        """Begin another line of the paragraph, whose text begins at `source`."""
        self._text += "\n"
        self._offsets.append((len(self._text), source))

    def drop_from(self, at: int) -> None:
        """Remove the text from `at` on, and the space before it."""
        if self._ready:
            # What was made may end with that space.
            self._begin(self.text)
        self._text = self._text[:at].rstrip()

    def commit(self, sink: Sink) -> None:
        """Hand over every word that can no longer change."""
        for atom in self._ready:
            sink(atom)
        self._ready, self._ready_text = [], ""
        self._decide(sink)

    def _decide(self, sink: Sink) -> None:
        if not self._scanned:
            self._leave_plain(sink)
        while (end := self._boundary()) is not None:
            if self._is_final(end):
                self._leave(sink, end)
                self._leave_plain(sink)
            else:
                self._scanned = end

    def finish(self, sink: Sink, *, drop: str = "") -> None:
        """Hand over the rest, with unclosed markers as text. `drop`: a mark whose run at the end is left out."""
        self.commit(sink)
        rest = self._text.rstrip()
        if drop and self.wrote and not rest.strip(drop):
            rest = ""
        elif drop:
            bare = rest.rstrip(drop)
            rest = bare.rstrip() if bare[-1:].isspace() else rest
        self._text = rest
        self._leave(sink, len(rest))

    def preview(self) -> list[Atom]:
        """The atoms of the rest that may be shown already."""
        return self._shown(self._text)

    def preview_held(self, until: int | None) -> tuple[Sequence[Atom], list[Atom]]:
        """The atoms of a line of which nothing may be handed over yet, of its first `until` characters: those that
        stay as they are (each call returns the same list, longer), and those after them.

        So a line costs no more the longer it gets.
        """
        size = len(self._text) if until is None else until - len(self._ready_text)
        now, later = self._text[:size], self._text[size:]
        self._text = now
        self._decide(self._ready.append)
        self._ready_text += now[: len(now) - len(self._text)]
        shown = self._shown(self._text)
        self._text += later
        return self._ready, shown

    def _shown(self, text: str) -> list[Atom]:
        out: list[Atom] = []
        self._render(closed_for_now(text), out.append, self._line)
        while out and isinstance(out[-1], Line):
            out.pop()
        return out

    def _boundary(self) -> int | None:
        found = _BOUNDARY.search(self._text, self._scanned)
        furthest = self._scanned + _LONGEST_WORD + _LOOK_AHEAD
        if found is not None and found.end() <= furthest:
            return found.end()
        if len(self._text) > furthest:
            at = self._scanned + cut_at(self._text[self._scanned : furthest], _LONGEST_WORD)
            begun = _MAY_BECOME_LIVE.search(self._text, at - _LONGEST_START, at)
            return at if begun is None else begun.start()
        return None

    def _is_final(self, end: int) -> bool:
        if self._looked and end <= LONGEST_OPEN:
            # The checks get rarer as the segment grows, so that markers that never close stay cheap.
            step = end - self._looked
            # The character before the last look may be half of a closer.
            closer = _MAY_CLOSE.search(self._text, self._looked - 1, end)
            if step < self._looked // 4 or (step < _RECHECK and closer is None):
                return False
        self._looked = end
        segment = self._text[:end]
        return is_plain(segment) or not is_open(segment)

    def _leave_plain(self, sink: Sink) -> None:
        """Hand over the words at the start that are surely text: most words are, and need no parser."""
        if _BOUNDARY.search(self._text) is None:
            return
        until = plain_until(self._text)
        if clean(self._text[:until]) != self._text[:until]:
            return
        start, source = 0, self._offsets[0][1]
        for found in _BOUNDARY.finditer(self._text, 0, until + 1):
            end = found.end()
            if end > until or end - start > LONGEST_PIECE:
                break
            word = self._text[start:end]
            if self._line is not None and (word := word.lstrip()):
                sink(self._line)
                self._line, self.wrote = None, True
            if word:
                sink(Text(word, self._wrap, False, source + start))
            start = end
        if start:
            self._drop(start)

    def _leave(self, sink: Sink, end: int) -> None:
        if end:
            before = self._line
            self._line = self._render(self._text[:end], sink, before)
            self.wrote = self.wrote or self._line is not before
        self._drop(end)

    def _drop(self, end: int) -> None:
        """Remove the text up to `end`, which was handed over."""
        self._text = self._text[end:]
        if len(self._offsets) == 1:
            self._offsets = [(0, self._offsets[0][1] + end)]
        else:
            self._offsets = [(max(0, at - end), source + max(0, end - at)) for at, source in self._current(end)]
        self._scanned = self._looked = 0

    def _current(self, end: int) -> list[tuple[int, int]]:
        """The offsets of the line that contains `end`, and of all lines after it."""
        first = max(index for index, (at, _) in enumerate(self._offsets) if at <= end)
        return self._offsets[first:]

    def _render(self, source: str, sink: Sink, line: Line | None) -> Line | None:
        offset = self._offsets[0][1]
        for piece in spans(source, offset):
            if piece is None:
                if line is None:
                    line = self._new_line(offset, gap=False)
                elif line is not self.first:
                    line = self._new_line(offset, gap=True)
                continue
            text = piece.text.lstrip() if line is not None and not piece.whole else piece.text
            if not text:
                continue
            if line is not None:
                sink(line)
                line = None
            sink(self._wrapped(piece, text))
        return line

    def _new_line(self, source: int, *, gap: bool) -> Line:
        return Line(self._again, self._again, gap, None, False, source)

    def _wrapped(self, piece: Text, text: str) -> Text:
        if not self._wrap and text is piece.text:
            return piece
        marks = (*(mark for mark in self._wrap if mark not in piece.marks), *piece.marks)
        return Text(text, marks, piece.whole, piece.source)
