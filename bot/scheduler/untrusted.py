"""Reading what a peer sent without trusting it: JSON of any shape, text of any kind."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping, Sequence

_UNREADABLE = (ValueError, RecursionError)
_raw = json.JSONDecoder()


def parse_json(text: str | bytes) -> object:
    """The JSON value in ``text``. Raises ValueError for anything else, nested too deeply included."""
    try:
        value: object = json.loads(text)
    except _UNREADABLE as exc:
        raise ValueError(str(exc)) from exc
    return value


def parse_leading_object(text: str) -> Mapping[str, object] | None:
    """The JSON object that ``text`` starts with, whatever follows it; None when there is none."""
    try:
        value: object = _raw.raw_decode(text.lstrip())[0]
    except _UNREADABLE:
        return None
    return mapping(value)


def mapping(value: object) -> Mapping[str, object] | None:
    """``value`` when it is a JSON object."""
    return value if isinstance(value, dict) else None


def sequence(value: object) -> Sequence[object]:
    """``value`` when it is a JSON array, else nothing."""
    return value if isinstance(value, list) else ()


def printable(value: object, limit: int) -> str:
    """``value`` as one line of at most ``limit`` characters; empty when it is not a string.

    Control, format and unassigned characters are removed (line ends and tabs become spaces): a node's name
    must not be able to reorder or hide what stands beside it.
    """
    if not isinstance(value, str):
        return ""
    spaced = " ".join(value[: 4 * limit].split())
    clean = "".join(character for character in spaced if not unicodedata.category(character).startswith("C"))
    clean = " ".join(clean.split())
    return clean if len(clean) <= limit else clean[: limit - 1].rstrip() + "…"


def storable(text: str) -> str:
    """``text`` without what no database or message takes: NUL, and halves of surrogate pairs (as U+FFFD)."""
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
    for all else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and least <= value <= most else None


def quantity(value: object) -> float | None:
    """A finite number ≥ 0, None for all else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
