"""Reader that converts the bytes of an answer's stream to JSON objects and errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.parallax import bounds
from bot.parallax.alike import Alike, TextFrame
from bot.parallax.errors import ErrorBody, read_error
from bot.parallax.sse import Data, EventReader, Frame
from bot.parallax.stray_objects import StrayObject
from bot.parallax.untrusted import mapping, parse_json, printable

_DONE = "[DONE]"
_EVENT_ENDS = b"\n\n"
Item = Mapping[str, object] | Alike | ErrorBody | None
"""A JSON object, which may itself be an error (:func:`bot.parallax.errors.read_error`); further ones like it;
something that is no object; or None for ``[DONE]``."""


class PayloadReader:
    """Reads the events of a stream, and the lines outside the grammar, in which Parallax sends its errors."""

    def __init__(self) -> None:
        self._events = EventReader()
        self._stray = StrayObject()
        self._ending = False
        self._frame = TextFrame()
        self._event = b""

    def feed(self, chunk: bytes) -> Iterator[Item]:
        """The items that ``chunk`` completes; as lazy and with the same error as :meth:`EventReader.feed`."""
        at = 0
        while at < len(chunk):
            is_between = self._events.is_between and not self._stray.text
            texts, at = self._frame.texts(chunk, at) if is_between else ([], at)
            if texts:
                self._events.skip()
                yield Alike(texts)
                continue
            self._frame.forget()
            # Event by event, because the next one may be the first of many that are alike.
            end = chunk.find(_EVENT_ENDS, at) if self._frame.is_sought else -1
            end = len(chunk) if end < 0 else end + len(_EVENT_ENDS)
            part, at = chunk[at:end], end
            self._event = part if is_between and self._frame.is_sought else b""
            for frame in self._events.feed(part):
                yield from self._items(frame)

    @property
    def asks_for_text(self) -> bool:
        """Whether :meth:`was_text` is of use for the last object."""
        return bool(self._event)

    def was_text(self, payload: Mapping[str, object], content: str) -> None:
        """Note that the last object added ``content`` to the answer, and did nothing else: then others like it
        need not be read as JSON."""
        self._frame.learn(self._event, payload, content)

    def close(self) -> tuple[list[Item], bool]:
        """End the stream; returns the last items and whether it cut a character in two. Raises
        :class:`LineLimitError`."""
        self._ending = True
        frames, cut = self._events.close()
        items = [item for frame in frames for item in self._items(frame)]
        if self._stray.text:
            items.append(_unreadable(self._stray.text, "raw_text"))
        return items, cut

    def _items(self, frame: Frame) -> Iterator[Item]:
        if isinstance(frame, Data):
            yield from self._data(frame.event, frame.text.strip())
        else:
            yield from self._stray_line(frame.text)

    def _data(self, event: str, text: str) -> Iterator[Item]:
        if self._stray.text:
            yield _unreadable(self._stray.text, "raw_text")
        elif text == _DONE:
            yield None
        elif text:
            yield from self._json(event, text)

    def _json(self, event: str, text: str) -> Iterator[Item]:
        try:
            payload = mapping(parse_json(text))
        except ValueError:
            yield from self._unparsable(event, text)
            return
        if payload is None:
            yield _unreadable(text, "malformed")
        elif event == "error" and read_error(payload) is None:
            yield ErrorBody(printable(payload.get("message"), bounds.DETAIL) or "no message")
        else:
            yield payload

    def _unparsable(self, event: str, text: str) -> Iterator[Item]:
        """Read the lines of an event that is no JSON as single events: some servers separate events by one line
        end instead of two."""
        lines = text.split("\n")
        if len(lines) > 1:
            for line in lines:
                yield from self._data(event, line.strip())
        elif not self._ending:  # an event that the end cut is no error of its own: the end is
            yield _unreadable(text, "malformed")

    def _stray_line(self, line: str) -> Iterator[Item]:
        """Read a line outside the SSE grammar: a JSON object (perhaps over several lines), or plain text."""
        try:
            payload = self._stray.feed(line)
        except ValueError:
            yield _unreadable(self._stray.text, "raw_text")
            return
        if payload is not None:
            yield payload


def _unreadable(text: str, code: str) -> ErrorBody:
    return ErrorBody(printable(text, bounds.DETAIL), code=code)
