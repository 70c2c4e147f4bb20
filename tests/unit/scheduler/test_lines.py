"""Bytes to lines and events."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.scheduler.lines import MAX_LINE, Data, EventReader, Frame, LineLimitError, LineReader, Stray

CHARACTERS = st.sampled_from(
    [*list("ab:{ é語🚀\u2028\x85\x0b\x1c"), "\r", "\n", "\r\n", "\n\n", "data: ", "event: "]
)
STREAMS = st.lists(CHARACTERS, max_size=60).map("".join)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(place % (len(data) + 1) for place in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


def lines(parts: list[bytes]) -> tuple[list[str], str, bool]:
    reader = LineReader()
    found = [line for part in parts for line in reader.feed(part)]
    return found, *reader.close()


def frames(parts: list[bytes]) -> list[Frame]:
    reader = EventReader()
    found = [frame for part in parts for frame in reader.feed(part)]
    return found + reader.close()[0]


@given(STREAMS, st.lists(st.integers(0, 10**6), max_size=8))
def test_where_the_network_cuts_makes_no_difference(text: str, cuts: list[int]) -> None:
    data = text.encode()
    assert lines(cut(data, cuts)) == lines([data])
    assert frames(cut(data, cuts)) == frames([data])


@given(STREAMS)
def test_only_three_things_end_a_line(text: str) -> None:
    found, rest, was_cut = lines([text.encode()])
    assert [*found, rest] == text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert not was_cut


def test_a_line_is_given_out_at_its_carriage_return() -> None:
    reader = LineReader()
    assert reader.feed(b"one\r") == ["one"]
    assert reader.feed(b"\ntwo\r\n") == ["two"]
    assert reader.feed(b"\n") == [""]


def test_bytes_that_are_no_text() -> None:
    assert lines([b"a\xffb\n"]) == (["a\ufffdb"], "", False)
    assert lines(["né".encode()[:-1]]) == ([], "n", True)


def test_a_line_without_end_is_not_kept() -> None:
    reader = LineReader()
    for _ in range(4):
        reader.feed(b"x" * (MAX_LINE // 4))
    with pytest.raises(LineLimitError):
        reader.feed(b"x")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("data: a\n\n", [Data("message", "a")]),
        ("data:a\n\n", [Data("message", "a")]),
        ("data: a\ndata: b\n\n", [Data("message", "a\nb")]),
        ("event: error\ndata: a\n\n", [Data("error", "a")]),
        ("\ufeffdata: a\n\n", [Data("message", "a")]),
        (": ping\n\n:\n\n", []),
        ("id: 7\nretry: 9\n\n\n\n", []),
        ("data: a", [Data("message", "a")]),
        ('{"error": 1}', [Stray('{"error": 1}')]),
        ("data: a\nOops\n", [Data("message", "a"), Stray("Oops")]),
        ("data: a\n\n{}\ndata: b\n\n", [Data("message", "a"), Stray("{}"), Data("message", "b")]),
        ("data:\n\n", []),
    ],
)
def test_events_and_what_the_grammar_would_drop(text: str, expected: list[Frame]) -> None:
    assert frames([text.encode()]) == expected
