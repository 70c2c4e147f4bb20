"""JSON as bytes: orjson where it is installed, for its speed, else the standard library by the same rules."""

from __future__ import annotations

import json
from typing import Any

try:
    import orjson
except ModuleNotFoundError:  # the sandbox alone needs nothing but aiohttp
    orjson = None  # type: ignore[assignment]  # a module or nothing


def dumps(value: object) -> bytes:
    """The value as compact JSON in UTF-8. Raises TypeError or ValueError for what JSON has no form for."""
    if orjson is not None:
        return orjson.dumps(value)
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def loads(content: bytes | str) -> Any:  # noqa: ANN401  # JSON is of any type
    """Read JSON. Raises ValueError for what is none, NaN and nesting without end included."""
    if orjson is not None:
        return orjson.loads(content)
    try:
        return json.loads(content, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
