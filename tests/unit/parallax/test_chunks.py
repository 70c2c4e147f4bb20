"""Chunked bodies are read to the byte, wherever the network cuts them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.parallax import bounds
from bot.parallax.chunks import ChunkReader

END = b"0\r\n\r\n"


def framed(body: Iterable[bytes], *, extension: bytes = b"", size: bytes = b"%X") -> bytes:
    return b"".join(b"%b%b\r\n%b\r\n" % (size % len(part), extension, part) for part in body)


def read(pieces: Iterable[bytes]) -> tuple[bytes, ChunkReader]:
    reader = ChunkReader()
    return b"".join(part for piece in pieces for part in reader.feed(piece)), reader


def cut(data: bytes, at: Iterable[int]) -> list[bytes]:
    places = sorted({0, len(data), *(place % (len(data) + 1) for place in at)})
    return [data[begin:end] for begin, end in pairwise(places)]


@given(
    st.lists(st.binary(min_size=1, max_size=40) | st.just(b"\r\n1\r\n"), max_size=8),
    st.lists(st.integers(0, 500), max_size=12),
    st.sampled_from([b"", b";a=b", b" ", b' ; name="x;y"']),
    st.sampled_from([b"%X", b"%x", b"%04x"]),
    st.sampled_from([END, b"0\r\nServer-Timing: x\r\n\r\n", b"000;last\r\n\r\n"]),
)
def test_the_body_is_the_same_wherever_it_is_cut(
    body: list[bytes], places: list[int], extension: bytes, size: bytes, end: bytes
) -> None:
    got, reader = read(cut(framed(body, extension=extension, size=size) + end, places))
    assert got == b"".join(body)
    assert reader.ended


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=8), st.integers(0, 500))
def test_what_came_before_the_connection_ended_is_kept(body: list[bytes], at: int) -> None:
    data = framed(body) + END
    got, reader = read([data[: at % len(data)]])
    assert b"".join(body).startswith(got)
    assert not reader.ended
    with pytest.raises(httpcore.RemoteProtocolError, match="closed before the last chunk"):
        reader.close()


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_any_bytes_are_a_body_or_a_protocol_error(data: bytes, places: list[int]) -> None:
    got, reader = read(cut(data, places))
    assert len(got) <= len(data)
    assert reader.ended or len(got) < len(data) or not data


@pytest.mark.parametrize(
    "broken",
    [
        b"x\r\n",
        b"\r\n",
        b"-5\r\n",
        b"0x5\r\n",
        b"1" * 17 + b"\r\n",
        b"5 5\r\n",
        b"2\r\nabcd",
        b"1" * bounds.CHUNK_LINE,
        b"0\r\n" + b"a: b\r\n" * (bounds.TRAILERS + 1),
    ],
)
def test_a_broken_framing_is_an_error_after_everything_before_it(broken: bytes) -> None:
    reader = ChunkReader()
    assert reader.feed(framed([b"before"]) + broken)[0] == b"before"
    with pytest.raises(httpcore.RemoteProtocolError):
        reader.check()


def test_chunks_that_came_together_stay_apart() -> None:
    """A token is a chunk, and how fast tokens came is told from their times."""
    assert ChunkReader().feed(framed([b"data: 1\n\n", b"data: 2\n\n"])) == [b"data: 1\n\n", b"data: 2\n\n"]


def test_nothing_after_the_last_chunk_is_read() -> None:
    got, reader = read([framed([b"a"]) + END + framed([b"b"])])
    assert (got, reader.ended) == (b"a", True)
