"""The part of JSON Schema that the API describes itself with: what a schema allows, what is wrong with a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import strategies as st

Schema = Mapping[str, Any]

ANY_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
MOST_ITEMS = 3
"""A longer array says nothing more."""


def resolved(schema: Schema, parts: Schema) -> Schema:
    """The schema, or the one of ``parts`` that it names."""
    name = schema.get("$ref")
    return parts[name.rsplit("/", 1)[1]] if name is not None else schema


def values(schema: Schema, parts: Schema) -> st.SearchStrategy[Any]:
    """What a schema allows."""
    schema = resolved(schema, parts)
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of(*(values(one, parts) for one in schema["anyOf"]))
    kind = schema.get("type")
    if kind == "object":
        return _objects(schema, parts)
    if kind == "array":
        least, most = schema.get("minItems", 0), min(MOST_ITEMS, schema.get("maxItems", MOST_ITEMS))
        return st.lists(values(schema.get("items", {}), parts), min_size=least, max_size=most)
    return _plain(kind, schema)


def _objects(schema: Schema, parts: Schema) -> st.SearchStrategy[Any]:
    required = set(schema.get("required", ()))
    fields = {name: values(one, parts) for name, one in schema.get("properties", {}).items()}
    if not fields:
        more = schema.get("additionalProperties", {})
        inner = values(more, parts) if isinstance(more, Mapping) else ANY_JSON
        return st.dictionaries(st.text(), inner, max_size=2)
    return st.fixed_dictionaries(
        {name: one for name, one in fields.items() if name in required},
        optional={name: one for name, one in fields.items() if name not in required},
    )


def _plain(kind: str | None, schema: Schema) -> st.SearchStrategy[Any]:
    if kind == "string":
        return st.text(min_size=schema.get("minLength", 0), max_size=schema.get("maxLength", 50))
    if kind == "integer":
        return st.integers(
            schema.get("minimum"), schema.get("maximum", schema.get("exclusiveMaximum", 1) - 1 or None)
        )
    if kind == "number":
        low = schema.get("minimum", schema.get("exclusiveMinimum"))
        return st.floats(
            low,
            schema.get("maximum"),
            exclude_min="exclusiveMinimum" in schema,
            allow_nan=False,
            allow_infinity=False,
        )
    return {"boolean": st.booleans(), "null": st.none()}.get(kind or "", ANY_JSON)


def wrong(value: Any, schema: Schema, parts: Schema, where: str = "") -> Iterator[str]:
    """What about ``value`` a schema does not allow."""
    schema = resolved(schema, parts)
    if "const" in schema and value != schema["const"]:
        yield f"{where}: {value!r} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is none of {schema['enum']}"
    if "anyOf" in schema and all(any(wrong(value, one, parts)) for one in schema["anyOf"]):
        yield f"{where}: {value!r} is none of its forms"
    kind = schema.get("type")
    if kind is not None and (
        not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind in {"integer", "number"})
    ):
        yield f"{where}: {value!r} is no {kind}"
        return
    if "minimum" in schema and value < schema["minimum"]:
        yield f"{where}: {value} is too small"
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from wrong(one, schema.get("items", {}), parts, f"{where}[{index}]")
    if isinstance(value, dict):
        yield from _wrong_fields(value, schema, parts, where)


def _wrong_fields(value: dict[str, Any], schema: Schema, parts: Schema, where: str) -> Iterator[str]:
    fields = schema.get("properties", {})
    yield from (f"{where}: has no {name}" for name in schema.get("required", ()) if name not in value)
    if schema.get("additionalProperties") is False:
        yield from (f"{where}: has {name}" for name in value if name not in fields)
    for name, one in fields.items():
        if name in value:
            yield from wrong(value[name], one, parts, f"{where}.{name}")
