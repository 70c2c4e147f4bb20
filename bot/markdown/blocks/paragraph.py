"""Running text: words are handed over as soon as they cannot change any more; the rest is shown with its open
markers closed for the moment."""

import re

from bot.markdown.blocks.base import Sink
from bot.markdown.characters import cut_at
from bot.markdown.inline.parser import LONGEST_OPEN, closed_for_now, is_open, is_plain
from bot.markdown.inline.writer import spans
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
        self._line: Line | None = line  # the line that begins with the next text; None inside a line
        self.first = line
        self._wrap = wrap
        self._text = ""
        self._offsets = [(0, source)]  # (index into _text, offset in the answer): one per source line
        self._scanned = 0
        self._looked = 0  # where the segment was last found to be open
        self.wrote = False

    @property
    def text(self) -> str:
        """The text that was not handed over yet."""
        return self._text

    def extend(self, text: str) -> None:
        """Add text to the current line."""
        self._text += text

    def next_line(self, source: int) -> None:
        """Begin another line of the paragraph, whose text begins at `source`."""
        self._text += "\n"
        self._offsets.append((len(self._text), source))

    def drop_from(self, at: int) -> None:
        """Remove the text from `at` on, and the space before it."""
        self._text = self._text[:at].rstrip()

    def commit(self, sink: Sink) -> None:
        """Hand over every word that can no longer change."""
        while (end := self._boundary()) is not None:
            if self._is_final(end):
                self._leave(sink, end)
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

    def preview(self, *, until: int | None = None) -> list[Atom]:
        """The atoms of the rest (of its first `until` characters) that may be shown already."""
        shown = closed_for_now(self._text if until is None else self._text[:until])
        out: list[Atom] = []
        self._render(shown, out.append, self._line)
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

    def _leave(self, sink: Sink, end: int) -> None:
        if end:
            before = self._line
            self._line = self._render(self._text[:end], sink, before)
            self.wrote = self.wrote or self._line is not before
        self._text = self._text[end:]
        offsets = self._offsets if len(self._offsets) == 1 else self._current(end)
        self._offsets = [(max(0, at - end), source + max(0, end - at)) for at, source in offsets]
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
