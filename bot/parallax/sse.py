"""Readers that convert a response's bytes to lines and server-sent events: incremental, bounded, in linear
time."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.parallax import bounds

_BREAK = re.compile("\r\n|\r|\n")
_FIELDS = frozenset({"event", "data", "id", "retry"})
_DONE = "[DONE]"


class LineLimitError(ValueError):
    """The peer sent a line or an event that is longer than :mod:`bot.parallax.bounds` allows."""


class LineReader:
    """Decodes UTF-8 and splits at CR, LF and CRLF, wherever the network cut the bytes.

    Only these three end a line, as the SSE specification says: U+2028 and U+0085, at which ``str.splitlines``
    and ``httpx.Response.aiter_lines`` split as well, are ordinary characters of an answer. Bytes that are not
    UTF-8 become U+FFFD. A line is returned as soon as its CR has arrived.
    """

    def __init__(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._open: list[str] = []
        self._open_length = 0
        self._after_cr = False
        self._at_start = True

    @property
    def is_between(self) -> bool:
        """Whether the bytes so far end with a line."""
        return not (self._open or self._after_cr or self._utf8.getstate()[0])

    def feed(self, chunk: bytes) -> Iterator[str]:
        """The lines that ``chunk`` completes, without their ends. The iterator works lazily: consume all of it.
        Raises :class:`LineLimitError` after the lines before the too long one."""
        text = self._utf8.decode(chunk)
        if not text:
            return
        if self._at_start:
            self._at_start = False
            text = text.removeprefix("\ufeff")
        if self._after_cr:
            text = text.removeprefix("\n")
        self._after_cr = text.endswith("\r")
        first, *others = _BREAK.split(text) if "\r" in text else text.split("\n")
        self._keep(first)
        for part in others:
            line = self._open[0] if len(self._open) == 1 else "".join(self._open)
            self._open, self._open_length = [], 0
            yield line
            self._keep(part)

    def close(self) -> tuple[str, bool]:
        """The text after the last line end, and whether the bytes end inside a character."""
        cut = bool(self._utf8.getstate()[0])
        rest = "".join(self._open)
        self._open, self._open_length = [], 0
        return rest, cut

    def _keep(self, part: str) -> None:
        if not part:
            return
        self._open.append(part)
        self._open_length += len(part)
        if self._open_length > bounds.EVENT:
            raise LineLimitError(f"a line of more than {bounds.EVENT} characters")


@dataclass(frozen=True, slots=True)
class Data:
    """A server-sent event with data. ``event`` is its type, ``message`` by default."""

    event: str
    text: str


@dataclass(frozen=True, slots=True)
class Stray:
    """A line that a reader must ignore by the SSE grammar. Parallax sends its errors in such lines (recordings
    50–52, 59, 80–83)."""

    text: str


Frame = Data | Stray


class EventReader:
    """Converts the bytes of an event stream to frames, in their order, by the specification (html.spec.whatwg.org,
    "Interpreting an event stream"), except as described at :meth:`close` and :class:`Stray`.

    A server that ends its events with one line end instead of two sends the whole answer as one event. So an event
    also ends where one line of data ends an object and the next begins another or is ``[DONE]``, since no JSON
    continues like that. Of the fields only ``data`` and the newest ``event`` are kept.
    """

    def __init__(self) -> None:
        self._lines = LineReader()
        self._event = ""
        self._data: list[str] = []
        self._ends_object = False
        self._since_frame = 0

    @property
    def is_between(self) -> bool:
        """Whether the bytes so far end after an event, so that the next one begins with the next byte."""
        return not (self._data or self._event) and self._lines.is_between

    def skip(self) -> None:
        """Note that a whole event was read by somebody else; only while :attr:`is_between`."""
        self._since_frame = 0

    def feed(self, chunk: bytes) -> Iterator[Frame]:
        """The frames that ``chunk`` completes. The iterator works lazily: consume all of it, unless nothing more
        is to be read. Raises :class:`LineLimitError` after the frames before the too long one."""
        for line in self._lines.feed(chunk):
            yield from self._take(line)

    def close(self) -> tuple[list[Frame], bool]:
        """End the stream; returns the frames that its end completes, and whether it cut a character in two. Raises
        :class:`LineLimitError`.

        The specification drops an event without its blank line. Here it counts, because a plain error comes
        without any line end (recording 50), and a last token must not be lost.
        """
        rest, cut = self._lines.close()
        frames = [] if cut or not rest else [*self._take(rest)]
        last = self._dispatch()
        return [*frames, last] if last is not None else frames, cut

    def _take(self, line: str) -> Iterator[Frame]:
        name, _, value = line.partition(":")
        frame = None
        if not line:
            frame = self._dispatch()
        elif name and name not in _FIELDS:
            frame = self._dispatch()
            if frame is not None:
                yield frame
            self._since_frame = 0
            yield Stray(line)
            return
        elif name == "data":
            frame = self._take_data(value.removeprefix(" "))
        elif name == "event":
            self._event = value.removeprefix(" ")[: bounds.CODE]
        if frame is not None:
            yield frame
        self._count(len(line) + 1)

    def _take_data(self, value: str) -> Data | None:
        """Keep a line of data; returns the event before it, if that ends here."""
        text = value.strip()
        frame = None
        if self._ends_object and (text.startswith("{") or text == _DONE):
            frame = self._dispatch()
        self._data.append(value)
        if text:
            self._ends_object = text.endswith("}")
        return frame

    def _count(self, characters: int) -> None:
        self._since_frame += characters
        if self._since_frame > bounds.EVENT:
            raise LineLimitError(f"an event of more than {bounds.EVENT} characters")
        if len(self._data) > bounds.EVENT_LINES:
            raise LineLimitError(f"an event of more than {bounds.EVENT_LINES} lines")

    def _dispatch(self) -> Data | None:
        if not self._data:
            self._event, self._ends_object = "", False
            return None
        event, text = self._event or "message", "\n".join(self._data)
        self._event, self._data, self._ends_object = "", [], False
        if not text:
            return None
        self._since_frame = 0
        return Data(event, text)
