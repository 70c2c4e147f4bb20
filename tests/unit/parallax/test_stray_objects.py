"""Objects outside the grammar of events."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.parallax import bounds, stray_objects
from bot.parallax.stray_objects import StrayObject
from bot.parallax.untrusted import parse_leading_object

TEXT = st.text(alphabet=st.sampled_from([*'ab{}[]"\\:,é\u2028']), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(TEXT, JSON, min_size=1, max_size=3), st.sampled_from([None, 0, 2]), TEXT)
def test_an_object_over_several_lines_is_complete_at_its_last_line(
    value: dict[str, object], indent: int | None, behind: str
) -> None:
    """With any layout, any characters in its strings, and any text after it."""
    reader = StrayObject()
    *before, last = json.dumps(value, indent=indent, ensure_ascii=False).split("\n")
    for line in before:
        assert reader.feed(line) is None
    assert reader.text == "\n".join(before)
    assert reader.feed(last + behind) == value
    assert reader.text == ""


@pytest.mark.parametrize(
    "lines",
    [
        ["Oops"],
        ["{oops}"],
        ['{"a": "cut'],
        ['{"a": "cut\\'],
        ["{", "]"],
        ['{"a": 1', "}]", "more"],
        ["x" * (bounds.EVENT + 1)],
        ["{", " " * bounds.EVENT],
    ],
)
def test_lines_that_are_no_object(lines: list[str]) -> None:
    """The last line shows it; all lines are kept for the error's message."""
    reader = StrayObject()

    def feed() -> Mapping[str, object] | None:
        return next((found for line in lines if (found := reader.feed(line)) is not None), None)

    if lines[-1] == "more":
        assert feed() == {"a": 1}
        return
    with pytest.raises(ValueError, match=r"object|JSON|line"):
        feed()
    assert reader.text == "\n".join(lines)


def test_b3_sixteen_thousand_lines_are_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The object is not parsed again from its beginning for each line."""
    parsed: list[int] = []

    def counting(text: str) -> Mapping[str, object] | None:
        parsed.append(len(text))
        return parse_leading_object(text)

    monkeypatch.setattr(stray_objects, "parse_leading_object", counting)
    reader = StrayObject()
    lines = ["{", *(f'"{n}": "xx",' for n in range(16_000)), '"last": 1}']
    assert [found["last"] for line in lines if (found := reader.feed(line)) is not None] == [1]
    assert parsed == [sum(len(line) + 1 for line in lines) - 1]
