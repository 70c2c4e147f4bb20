"""Bytes of a response to lines, and lines to server-sent events."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from httpx_sse._decoders import SSEDecoder

MAX_LINE = 4 * 1024 * 1024
"""Characters a line may have. A real one has about 200; a broken peer must not fill the memory."""

_BREAK = re.compile("\r\n|\r|\n")
_FIELDS = frozenset({"event", "data", "id", "retry"})


class LineLimitError(ValueError):
    """The peer sent more than :data:`MAX_LINE` characters without a line break."""


class LineReader:
    """Decodes UTF-8 and splits at CR, LF and CRLF, wherever the network cut the bytes.

    Only these three end a line, as the SSE specification says: U+2028 and U+0085, at which ``str.splitlines``
    and ``httpx.Response.aiter_lines`` split as well, are ordinary characters of an answer. Bytes that are not
    UTF-8 become U+FFFD. A line is given out as soon as its CR is there.
    """

    def __init__(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._open: list[str] = []
        self._open_length = 0
        self._after_cr = False
        self._at_start = True

    def feed(self, chunk: bytes) -> list[str]:
        """The lines that ``chunk`` completes, without their ends. Raises :class:`LineLimitError`."""
        text = self._utf8.decode(chunk)
        if not text:
            return []
        if self._at_start:
            self._at_start = False
            text = text.removeprefix("\ufeff")
        if self._after_cr:
            text = text.removeprefix("\n")
        self._after_cr = text.endswith("\r")
        first, *others = _BREAK.split(text)
        self._keep(first)
        lines: list[str] = []
        for part in others:
            lines.append("".join(self._open))
            self._open, self._open_length = [], 0
            self._keep(part)
        return lines

    def close(self) -> tuple[str, bool]:
        """What stands after the last line end, and whether the bytes end inside a character."""
        cut = bool(self._utf8.getstate()[0])
        rest = "".join(self._open)
        self._open, self._open_length = [], 0
        return rest, cut

    def _keep(self, part: str) -> None:
        if not part:
            return
        self._open.append(part)
        self._open_length += len(part)
        if self._open_length > MAX_LINE:
            raise LineLimitError(f"a line of more than {MAX_LINE} characters")


@dataclass(frozen=True, slots=True)
class Data:
    """A server-sent event with data. ``event`` is its type, ``message`` by default."""

    event: str
    text: str


@dataclass(frozen=True, slots=True)
class Stray:
    """A line that the SSE grammar tells a reader to drop. Parallax sends its worst news in such lines
    (recordings 50–52, 59, 80–83)."""

    text: str


Frame = Data | Stray


class EventReader:
    """Bytes of an event stream to frames, in their order."""

    def __init__(self) -> None:
        self._lines = LineReader()
        self._events = SSEDecoder()

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that ``chunk`` completes. Raises :class:`LineLimitError`."""
        frames: list[Frame] = []
        for line in self._lines.feed(chunk):
            self._take(line, frames)
        return frames

    def close(self) -> tuple[list[Frame], bool]:
        """What the end of the stream completes, and whether it cut a character in two.

        The specification drops an event without its blank line; here it counts, because a bare error comes
        without any line end (recording 50) and losing a last token serves nobody.
        """
        frames: list[Frame] = []
        rest, cut = self._lines.close()
        if rest and not cut:
            self._take(rest, frames)
        self._dispatch(frames)
        return frames, cut

    def _take(self, line: str, frames: list[Frame]) -> None:
        if not line:
            self._dispatch(frames)
        elif not line.startswith(":") and line.partition(":")[0] not in _FIELDS:
            self._dispatch(frames)
            frames.append(Stray(line))
        else:
            self._events.decode(line)

    def _dispatch(self, frames: list[Frame]) -> None:
        event = self._events.decode("")
        if event is not None and event.data:
            frames.append(Data(event.event, event.data))
