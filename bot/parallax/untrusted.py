"""Checked reading of untrusted data: JSON of any shape, text of any kind."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence

import orjson

from bot.parallax import bounds

_UNREADABLE = (ValueError, RecursionError)
_DIGITS = 20
"""The most characters of a number that came as text, including spaces around it."""

_raw = json.JSONDecoder()


def parse_json(text: str | bytes) -> object:
    """The JSON value in ``text``. Raises ValueError for anything else, including values nested too deeply, numbers
    of more digits than Python reads, and more objects and arrays than :data:`bounds.CONTAINERS`.

    Integers of more than 64 bits may come as floats: they are beyond every bound all the same.
    """
    if _brackets(text) > bounds.CONTAINERS:
        raise ValueError(f"more than {bounds.CONTAINERS} brackets")
    try:
        # Four times as fast, for what almost all servers send; strict, so the standard library decides the rest:
        # it reads halves of surrogate pairs, NaN, infinite numbers, and encodings besides UTF-8.
        value: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        return _parse_leniently(text)
    return value


def _parse_leniently(text: str | bytes) -> object:
    try:
        value: object = json.loads(text)
    except _UNREADABLE as exc:
        raise ValueError(str(exc)) from exc
    return value


def parse_leading_object(text: str) -> Mapping[str, object] | None:
    """The JSON object that ``text`` starts with, whatever follows it; None when there is none within the
    bounds."""
    if _brackets(text) > bounds.CONTAINERS:
        return None
    try:
        value: object = _raw.raw_decode(text.lstrip())[0]
    except _UNREADABLE:
        return None
    return mapping(value)


def _brackets(text: str | bytes) -> int:
    if isinstance(text, bytes):
        return text.count(b"[") + text.count(b"{")
    return text.count("[") + text.count("{")


def mapping(value: object) -> Mapping[str, object] | None:
    """``value`` when it is a JSON object, else None."""
    return value if isinstance(value, dict) else None


def sequence(value: object) -> Sequence[object]:
    """``value`` when it is a JSON array, else an empty one."""
    return value if isinstance(value, list) else ()


class _Visible(dict[int, int | None]):
    """What ``str.translate`` makes of each character: None for control, format and unassigned ones. Looks each
    one up once, in a report with a hundred thousand."""

    def __missing__(self, character: int) -> int | None:
        if len(self) >= _KNOWN_CHARACTERS:
            self.clear()
        hidden = unicodedata.category(chr(character)).startswith("C")
        self[character] = None if hidden else character
        return self[character]


_KNOWN_CHARACTERS = 2_000
_VISIBLE = _Visible()


def printable(value: object, limit: int) -> str:
    """``value`` as one line of at most ``limit`` characters, with "…" at the end of what is cut; empty when it is
    not a string.

    Control, format and unassigned characters are removed (line ends and tabs become spaces): a node's name
    must not be able to reorder or hide the text next to it.
    """
    if not isinstance(value, str):
        return ""
    clean = " ".join(value[: 2 * limit].split())
    if not clean.isprintable():
        clean = " ".join(clean.translate(_VISIBLE).split())
    if len(clean) <= limit and len(value) <= 2 * limit:
        return clean
    return clean[: limit - 1].rstrip() + "…"


def storable(text: str) -> str:
    """``text`` without characters that no database or message takes: NUL is removed, halves of surrogate pairs
    become U+FFFD."""
    if "\0" in text:
        text = text.replace("\0", "")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def whole_number(value: object, *, least: int = 0, most: int) -> int | None:
    """A number from ``least`` to ``most`` as int: ints, whole floats and digits in a string (recording 23). None
    for anything else: a number outside the bounds counts as missing."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        digits = value.strip() if len(value) <= _DIGITS else ""
        if not (digits.isascii() and digits.isdigit()):
            return None
        value = int(digits)
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and least <= value <= most else None


def quantity(value: object, *, least: float = 0.0, most: float) -> float | None:
    """A number from ``least`` to ``most`` as float; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Compared before it is converted: an int may be larger than any float. NaN is in no range.
    return float(value) if least <= value <= most else None
