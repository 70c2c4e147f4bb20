"""Bytes to lines and events."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.parallax import bounds
from bot.parallax.sse import Data, EventReader, Frame, LineLimitError, LineReader, Stray

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
    assert [*reader.feed(b"one\r")] == ["one"]
    assert [*reader.feed(b"\ntwo\r\n")] == ["two"]
    assert [*reader.feed(b"\n")] == [""]


def test_bytes_that_are_no_text() -> None:
    assert lines([b"a\xffb\n"]) == (["a\ufffdb"], "", False)
    assert lines(["né".encode()[:-1]]) == ([], "n", True)


def test_a_line_without_end_is_not_kept() -> None:
    reader = LineReader()
    for _ in range(4):
        assert not [*reader.feed(b"x" * (bounds.EVENT // 4))]
    with pytest.raises(LineLimitError):
        [*reader.feed(b"x")]


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
def test_events_and_lines_that_the_grammar_drops(text: str, expected: list[Frame]) -> None:
    assert frames([text.encode()]) == expected


OBJECT, OTHER = '{"a": {"b": [1]}}', '{"c": 2}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"data: {OBJECT}\ndata: {OTHER}\ndata: [DONE]\n\n", [OBJECT, OTHER, "[DONE]"]),
        (f"data: {OBJECT}\ndata:\ndata: {OTHER}\n\n", [OBJECT + "\n", OTHER]),
        ('data: {\ndata: "a": {}\ndata: }\n\n', ['{\n"a": {}\n}']),
        ("data: {\ndata: }\ndata: , {}\n\n", ["{\n}\n, {}"]),
    ],
)
def test_events_that_one_line_end_separates(text: str, expected: list[str]) -> None:
    """They are given out one by one, not as one event at the end. An object over several lines stays one event."""
    reader = EventReader()
    assert [frame.text for frame in reader.feed(text.encode())] == expected
    whole = [frame.text for line in text.splitlines(keepends=True) for frame in frames([line.encode()])]
    assert "".join(whole).replace("\n", "") == "".join(expected).replace("\n", "")


def fed_until_refused(reader: EventReader, part: bytes) -> int:
    """Feed this again and again, which gives no frame; how many bytes it took until it was too much."""
    for count in range(1, 4 * bounds.EVENT // len(part)):
        try:
            assert [*reader.feed(part)] == []
        except LineLimitError:
            return count * len(part)
    raise AssertionError("it would have been read for ever")


@pytest.mark.parametrize(
    "line",
    [b"data: " + b"x" * 1000, b"event: " + b"x" * 1000, b"id: 7", b"retry: 7", b": ping", b"data:", b"data:x"],
)
def test_b2_an_event_is_bounded_in_all_its_lines(line: bytes) -> None:
    """Also in fields that are not used: an endless event is neither read to its end nor kept."""
    reader = EventReader()
    sent = fed_until_refused(reader, line + b"\n")
    assert sent <= bounds.EVENT + len(line) + 1
    assert len(reader._event) <= bounds.CODE
    assert len(reader._data) <= bounds.EVENT_LINES + 1


def test_events_without_data_do_not_reset_the_bound() -> None:
    assert fed_until_refused(EventReader(), b": x\n\nevent: y\n\ndata\n\n") <= bounds.EVENT + 100


def test_any_number_of_events_is_read() -> None:
    """The bound is for a single event."""
    reader = EventReader()
    event = b": ping\n\nevent: message\ndata: " + b"x" * (bounds.EVENT // 4) + b"\n\n"
    for _ in range(20):
        assert len([*reader.feed(event)]) == 1


def test_events_before_a_too_long_one_in_the_same_bytes_are_given_out() -> None:
    reader = EventReader()
    found = reader.feed(b"data: a\n\ndata: b\n\n" + b"x" * (bounds.EVENT + 1))
    assert [next(found), next(found)] == [Data("message", "a"), Data("message", "b")]
    with pytest.raises(LineLimitError):
        next(found)


def test_a_last_line_without_line_end_counts_for_the_bound() -> None:
    reader = EventReader()
    assert not [*reader.feed(b": " + b"x" * (bounds.EVENT // 2) + b"\n:" + b"x" * (bounds.EVENT // 2))]
    with pytest.raises(LineLimitError):
        reader.close()
