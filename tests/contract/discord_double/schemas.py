"""Discord's own description of its answers, and what in an answer contradicts it.

The description: ``tests/data/discord-api-spec``. The checker knows the words of JSON Schema that it uses.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.discord_api.operations import shape_of

FILE = Path(__file__).resolve().parents[2] / "data" / "discord-api-spec" / "responses.json.gz"
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


_KNOWN_DISAGREEMENT = "message_reference.type: 1 instead of 0"
"""The description has no forwards (1). The documentation has, and the description's README says to follow it."""


@cache
def _description() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress(FILE.read_bytes()))
    found["operations"] = {_key(*one.split(" ")): schema for one, schema in found["operations"].items()}
    return found


def _key(method: str, template: str) -> str:
    return f"{method} {shape_of(template)}"


def contradictions(method: str, template: str, body: Any) -> list[str]:
    """What is wrong in the answer of an operation; nothing for one that the description does not have."""
    schema = _description()["operations"].get(_key(method, template))
    found = _wrong(schema, body, "") if schema is not None else ()
    return [one for one in found if not one.endswith(_KNOWN_DISAGREEMENT)]


def _wrong(schema: dict[str, Any], value: Any, path: str) -> Iterator[str]:
    if "$ref" in schema:
        schema = _description()["schemas"][schema["$ref"]]
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        tried = [list(_wrong(choice, value, path)) for choice in choices]
        yield from min(tried, key=len)
        return
    if not _fits(schema, value):
        yield f"{path}: {type(value).__name__} instead of {schema['type']}"
    elif "const" in schema and value != schema["const"]:
        yield f"{path}: {value!r} instead of {schema['const']!r}"
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is not among the values"
    else:
        yield from _inside(schema, value, path)


def _fits(schema: dict[str, Any], value: Any) -> bool:
    kinds = schema.get("type", ())
    kinds = (kinds,) if isinstance(kinds, str) else kinds
    if isinstance(value, bool):  # which is an int to Python
        return not kinds or "boolean" in kinds
    return not kinds or any(isinstance(value, _TYPES[kind]) for kind in kinds)


def _inside(schema: dict[str, Any], value: Any, path: str) -> Iterator[str]:
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from _wrong(schema.get("items", {}), one, f"{path}.{index}")
    elif isinstance(value, dict):
        yield from (f"{path}.{name} is missing" for name in schema.get("required", ()) if name not in value)
        for name, one in schema.get("properties", {}).items():
            if name in value:
                yield from _wrong(one, value[name], f"{path}.{name}")
