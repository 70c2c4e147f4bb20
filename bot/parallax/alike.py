"""Events of an answer that differ from the one before in nothing but their text.

Nearly all events of an answer do: a token in the same frame of JSON, a hundred bytes before it and ten after it.
Such an event is told from its bytes, in a tenth of the time that it takes to read it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import orjson

from bot.parallax.answer_fields import first_choice
from bot.parallax.untrusted import mapping, parse_json, storable

_DATA = b"data: "
_NAMES = (b'"content":', b'"content": ')
_END = b"\n\n"
_PROBE = "a text that no answer has"
_LONGEST = 4 * 1024
"""Bytes of an event whose frame is learned, and of the text in another one. Real events have 200."""

_IN_VAIN = 8
"""After so many frames that no two events in a row had, no further one is learned."""


@dataclass(frozen=True, slots=True)
class Alike:
    """The texts of events that came together and were like the one before them."""

    texts: list[str]


class TextFrame:
    """What was around the text in the last event."""

    def __init__(self) -> None:
        self._around: tuple[bytes, bytes] | None = None
        self._vain = 0

    @property
    def is_sought(self) -> bool:
        """Whether a frame is to be learned."""
        return self._around is None and self._vain < _IN_VAIN

    def forget(self) -> None:
        """Note that another event follows, which is read as a whole."""
        self._around = None

    def learn(self, event: bytes, payload: Mapping[str, object], content: str) -> None:
        """Learn the frame from the bytes of a whole event, which held ``payload`` and added ``content`` to the
        answer, and did nothing else."""
        self._vain += 1
        self._around = _around(event, payload, content) if len(event) <= _LONGEST else None

    def texts(self, data: bytes, at: int) -> tuple[list[str], int]:
        """The texts of the events that begin at index ``at`` and have the frame, and the index after them."""
        texts: list[str] = []
        if self._around is None:
            return texts, at
        before, after = self._around
        while data.startswith(before, at):
            begin = at + len(before)
            end = data.find(after, begin, begin + _LONGEST)
            text = _string(data[begin:end]) if end > begin else ""
            if not text:
                break
            texts.append(text)
            at = end + len(after)
        if texts:
            self._vain = 0
        return texts, at


def _around(event: bytes, payload: Mapping[str, object], content: str) -> tuple[bytes, bytes] | None:
    """What stands before and after the text in an event. None when it is not certain that an event with another
    text there has the same payload but for that text, which is tried."""
    for name, string in itertools.product(_NAMES, _strings(content)):
        before, found, after = event.partition(name + string)
        if found:
            before, after = before + name + b'"', b'"' + after
            return (before, after) if _is_certain(before, after, event, payload) else None
    return None


def _strings(content: str) -> Iterator[bytes]:
    """How a string is written in JSON."""
    yield json.dumps(content).encode()
    with suppress(orjson.JSONEncodeError):
        yield orjson.dumps(content)


def _is_certain(before: bytes, after: bytes, event: bytes, payload: Mapping[str, object]) -> bool:
    around = before + after.removesuffix(_END)
    if not (before.startswith(_DATA) and after.endswith(_END)) or b"\n" in around or b"\r" in around:
        return False
    try:
        same = parse_json(event.removeprefix(_DATA))
        other = mapping(parse_json((before + _PROBE.encode() + after).removeprefix(_DATA)))
    except ValueError:
        return False
    return same == payload and other is not None and _differs(other, payload)


def _differs(other: Mapping[str, object], payload: Mapping[str, object]) -> bool:
    """Whether ``other`` is ``payload`` but for the content of its answer, which is the probe."""
    choice, was = first_choice(other) or {}, first_choice(payload) or {}
    for name in ("delta", "message"):
        fields, known = choice.get(name), mapping(was.get(name))
        if isinstance(fields, dict) and known is not None and fields.get("content") == _PROBE:
            fields["content"] = known.get("content")
            return other == payload
    return False


def _string(text: bytes) -> str:
    """The string of JSON that has these bytes between its quotes; empty when they are none that is simply told."""
    try:
        string = text.decode()
        if not string.isprintable() or "\\" in string or '"' in string:
            string = storable(orjson.loads(b'"' + text + b'"'))
    except ValueError:
        return ""
    return string
