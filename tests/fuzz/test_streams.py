"""Random streams and bodies of a scheduler break no reader."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.parallax import marks
from tests.fuzz import streams

CORPUS = Path(__file__).parent / "corpus" / "streams"

JSON_TOKENS = [b"{", b"}", b"[", b"]", b":", b",", b'"', b"null", b"true", b"1e999", b"-0", b"\\u0000", b"\\ud800"]
KEYS = [
    b'"choices"',
    b'"delta"',
    b'"message"',
    b'"content"',
    b'"reasoning"',
    b'"tool_calls"',
    b'"finish_reason"',
    b'"usage"',
    b'"error"',
    b'"data"',
    b'"status"',
    b'"node_list"',
    b'"__parallax_http_response__"',
    b'"body_base64"',
]
FRAMES = [
    b"data: ",
    b"data:[DONE]\n\n",
    b"event: error\n",
    b": ping\n",
    b"\n\n",
    b"\r",
    b"\r\n",
    b"\xef\xbb\xbf",
    b"\xff",
]
CONTENT = [mark.text.encode() for mark in marks._MARKS] + [b"```", b"assistant", b"analysis"]
CHUNKS = [b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % text for text in CONTENT]
ENDS = [b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n', b"data: [DONE]\n\n"]
DATA = st.lists(
    st.sampled_from(JSON_TOKENS + KEYS + FRAMES + CHUNKS + ENDS) | st.binary(max_size=6), max_size=24
).map(b"".join)


@pytest.mark.parametrize("target", streams.TARGETS, ids=lambda target: target.__name__)
@settings(max_examples=150)
@given(data=DATA, size=st.integers(1, 64))
def test_any_bytes(target: Callable[[bytes, int], None], data: bytes, size: int) -> None:
    target(data, size)


@pytest.mark.parametrize("path", sorted(CORPUS.iterdir()), ids=lambda path: path.name)
def test_the_corpus(path: Path) -> None:
    """The seeds of the fuzzing, and every input that once broke a reader."""
    streams.run(path.read_bytes())
