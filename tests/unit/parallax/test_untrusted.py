"""JSON is read as the standard library reads it, whichever reader does it."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.parallax.untrusted import parse_json

WITHIN_64_BITS = st.integers(-(2**63), 2**64 - 1)
NUMBERS = WITHIN_64_BITS | st.floats(allow_nan=False)
TEXTS = st.text(st.characters())  # halves of surrogate pairs included
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_any_value_is_read_as_the_standard_library_reads_it(value: object, ascii_only: bool) -> None:
    """With surrogates as escapes, which are JSON, and as characters, which no decoder of UTF-8 gives."""
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert parse_json(text) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 2}',
        "Infinity",
        "-Infinity",
        "1e999",
        '"\\ud800"',
        '{"\\udfff": "\\ud83d\\ude00"}',
        "\t{} \r\n",
        "[" * 500 + "]" * 500,
        '{"a": 1}'.encode("utf-16"),
        b'\xef\xbb\xbf{"a": 1}',
    ],
)
def test_odd_json_that_python_reads_is_read(text: str | bytes) -> None:
    assert parse_json(text) == json.loads(text)


def test_not_a_number_is_read_as_one() -> None:
    read = parse_json("NaN")
    assert isinstance(read, float)
    assert math.isnan(read)


@pytest.mark.parametrize(
    "text", ["", "{", "01", "1.", "+1", "[1,]", '"\x01"', '{"a"}', "{} {}", b"\xff", "\ufeff{}"]
)
def test_what_is_no_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)


@pytest.mark.parametrize("digits", [20, 25, 300])
def test_an_integer_of_more_than_64_bits_keeps_its_size(digits: int) -> None:
    read = parse_json("9" * digits)
    assert isinstance(read, float | int)
    assert math.isclose(read, 10**digits)
