"""Events that differ in nothing but their text are read like any others."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.chat import Finish, FinishReason, Reasoning, StreamEvent, Text
from bot.parallax import bounds
from bot.parallax.alike import TextFrame
from bot.parallax.answer_reader import AnswerReader

DONE = b"data: [DONE]\n\n"
WORDS = st.sampled_from(
    ["one", " two", "\n\n", 'a "quote"', "a \\ backslash", "ü", "💬", "<think>", "</think>", "`", "[", "\0", ""]
)


def event(content: object, *, model: str = "m", spaced: bool = True, **more: object) -> bytes:
    payload = {"model": model, "choices": [{"index": 0, "delta": {"content": content}, **more}]}
    separators = (", ", ": ") if spaced else (",", ":")
    return b"data: " + json.dumps(payload, separators=separators, ensure_ascii=False).encode() + b"\n\n"


OTHER = st.sampled_from(
    [
        b": a comment\n\n",
        b"event: message\n",
        event("x", model="another"),
        event("x", finish_reason=None),
        event("x", finish_reason="stop"),
        event("twice").replace(b'"content": "twice"', b'"content": "once", "content": "twice"'),
        b'data: {"choices":[{"index":0,"delta":{"reasoning":"hm","content":"x"}}]}\n\n',
        b'data: {"choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n',
        b'data: {"choices":[{"index":1,"delta":{"content":"other"}},{"index":0,"delta":{"content":"x"}}]}\n\n',
        b'data: {"error":{"message":"broken"}}\n\n',
        b'data: {"choices":[{"index":0,"delta":{"content":"\xff"}}]}\n\n',
        b'data: {"choices":[{"index":0,"delta":{"content":"\\ud83d"}}]}\n\n',
        b"data: no JSON\n\n",
        DONE,
    ]
)
EVENTS = st.lists(
    st.builds(event, WORDS, spaced=st.booleans()) | st.builds(event, WORDS, spaced=st.just(False)) | OTHER
)


def read(parts: list[bytes], *, max_tokens: int | None = None) -> tuple[list[StreamEvent], AnswerReader]:
    """Read an answer in these parts, one a second."""
    reader = AnswerReader(0.0, lambda _: False, max_tokens=max_tokens)
    events: list[StreamEvent] = []
    for number, part in enumerate(parts, 1):
        if not reader.over:
            events += reader.feed(part, float(number))
    if not reader.over:
        events += reader.close(float(len(parts)))
    return events, reader


def ends(events: list[StreamEvent]) -> list[tuple[FinishReason, str | None, int]]:
    finishes = (end for end in events if isinstance(end, Finish))
    return [(end.reason, end.stats.model, end.stats.completion_tokens) for end in finishes]


def joined(events: list[StreamEvent], kind: type[Text | Reasoning]) -> str:
    return "".join(event.text for event in events if isinstance(event, kind))


@given(EVENTS, st.integers(1, 400), st.sampled_from([None, 2]))
def test_an_answer_is_the_same_in_parts_of_any_size(events: list[bytes], size: int, most: int | None) -> None:
    """Byte by byte no event is told from its frame, so that is what the others are compared with."""
    data = b"".join(events)
    one, by_byte = read([data[at : at + 1] for at in range(len(data))], max_tokens=most)
    other, by_part = read([data[at : at + size] for at in range(0, len(data), size)], max_tokens=most)
    for kind in (Text, Reasoning):
        assert joined(one, kind) == joined(other, kind)
    assert repr(by_byte.failure) == repr(by_part.failure)
    assert by_byte.progress == by_part.progress
    assert ends(one) == ends(other)


def test_events_that_come_together_are_one_piece_that_knows_its_tokens() -> None:
    words = [f"word{number} " for number in range(50)]
    events, reader = read([b"".join(event(word) for word in words) + event("", finish_reason="stop") + DONE])
    texts = [one for one in events if isinstance(one, Text)]
    assert [one.tokens for one in texts] == [1, 49]
    assert joined(events, Text) == "".join(words)
    end = events[-1]
    assert isinstance(end, Finish)
    assert end.stats.completion_tokens == 50
    assert reader.done


def test_an_answer_ends_at_the_same_token_when_it_exceeds_its_bound() -> None:
    """Whether the tokens come together or one by one."""
    events = [event("abc")] * 100
    together, _ = read([b"".join(events)], max_tokens=10)
    alone, _ = read(events, max_tokens=10)
    assert joined(together, Text) == joined(alone, Text) == "abc" * (bounds.TOKENS_FACTOR * 10 + 1)


@pytest.mark.parametrize(
    "raw",
    [
        b'data: {"choices": [{"delta": {"content": "x"}}], "content": "x"}\n\n',
        b'data: {"content": "x", "choices": [{"delta": {"content": "x"}}]}\n\n',
        b'data: {"choices": [{"delta": {"content": "x"}}]}\ndata: \n\n',
        b'data: {"choices": [{"delta": {"content": "\\u0078"}}]}\n\n',
        b'data: {"choices": [{"delta": {"content": "x"}}]}\r\n\r\n',
        b'event: a\ndata: {"choices": [{"delta": {"content": "x"}}]}\n\n',
    ],
)
def test_a_frame_that_is_not_certain_is_not_learned(raw: bytes) -> None:
    frame = TextFrame()
    payload = {"choices": [{"delta": {"content": "x"}}]}
    frame.learn(raw, payload, "x")
    assert frame.texts(raw, 0) == ([], 0)


def test_frames_that_no_second_event_has_are_given_up() -> None:
    """A server may put a number into each event: nothing is gained then, and learning costs."""
    frame = TextFrame()
    for number in range(100):
        if not frame.is_sought:
            break
        raw = event("x", number=number)
        frame.learn(raw, json.loads(raw.removeprefix(b"data: ")), "x")
        assert frame.texts(event("x", number=number + 1), 0) == ([], 0)
        frame.forget()
    assert number < 20
