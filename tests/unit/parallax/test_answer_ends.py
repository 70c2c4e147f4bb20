"""The end of an answer: reasons in every chunk, errors of a node, tool calls, and the bounds of an answer."""

from __future__ import annotations

import pytest

from bot.domain.chat import Finish, FinishReason, Reasoning, StreamEvent, Text
from bot.errors import NodeFailed, RequestRefused, SchedulerError, StreamInterrupted
from bot.parallax import bounds
from bot.parallax.answer_reader import AnswerReader
from tests.unit.parallax.test_answer_reader import DONE, event, finish, merged, piece, read


def finishing(content: str, reason: str = "stop") -> bytes:
    """A chunk with content and a reason, as some servers send all of them."""
    return event({"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": reason}]})


def reason_of(events: list[StreamEvent]) -> FinishReason:
    assert isinstance(events[-1], Finish)
    return events[-1].reason


def reader_of(*parts: bytes, max_tokens: int | None = None) -> tuple[AnswerReader, list[StreamEvent]]:
    reader = AnswerReader(0.0, lambda _: False, max_tokens=max_tokens)
    return reader, [found for part in parts if not reader.over for found in reader.feed(part, 1.0)]


def test_t4_a_reason_in_every_chunk_ends_nothing() -> None:
    """Only the end of the stream does."""
    for end in ([DONE], []):
        events, failure = read(finishing("a"), finishing("b"), finishing("c"), *end)
        assert failure is None
        assert merged(events) == [Text("a"), Text("b"), Text("c")] or merged(events) == [Text("abc")]
        assert reason_of(events) is FinishReason.STOP


@pytest.mark.parametrize(
    ("parts", "soon"),
    [
        ([piece("a"), finish("stop")], True),
        ([finishing("a")], False),
        ([finishing("a"), finishing("b")], False),
        ([finish("stop")], False),
        ([piece(None, role="assistant"), finish("stop")], False),
        ([piece("a"), finish("stop"), piece("b")], False),
    ],
)
def test_t4_only_a_reason_of_its_own_after_content_ends_the_answer_soon(parts: list[bytes], soon: bool) -> None:
    reader, _ = reader_of(*parts)
    assert reader.ends_now is soon


def test_t4_a_silence_between_chunks_with_reasons_is_a_break() -> None:
    """The second chunk shows that the reason of the first one meant nothing."""
    silence = StreamInterrupted("nothing came", code="stall")
    reader, _ = reader_of(finishing("a"), finishing("b"))
    assert not any(isinstance(each, Finish) for each in reader.broken(silence, 2.0))
    assert reader.failure is silence
    reader, _ = reader_of(finishing("a"))
    assert reason_of(reader.broken(silence, 2.0)) is FinishReason.STOP


@pytest.mark.parametrize(
    "error",
    [
        {"message": "Internal server error", "type": "server_error", "code": "server_error"},
        {"message": "CUDA out of memory", "type": "InternalServerError", "code": 500},
        {"message": "gone", "type": "upstream_error", "code": "upstream_error"},
    ],
)
@pytest.mark.parametrize("field", ["content", "reasoning"])
def test_p17_an_error_after_tokens_is_a_failed_node(error: dict[str, object], field: str) -> None:
    events, failure = read(piece(**{field: "a"}), event({"error": error}), DONE)
    assert merged(events) == [Text("a") if field == "content" else Reasoning("a")]
    assert type(failure) is NodeFailed
    assert failure.key == "error.node_failed"
    assert failure.retryable


def test_p17_a_lost_connection_and_a_refusal_are_no_failed_node() -> None:
    assert type(read(piece("a"))[1]) is StreamInterrupted
    refusal = event({"error": {"message": "no", "type": "invalid_request_error"}})
    assert type(read(piece("a"), refusal)[1]) is RequestRefused


@pytest.mark.parametrize("reason", ["stop", "tool_calls", "eos"])
def test_p18_a_call_in_a_field_of_its_own(reason: str) -> None:
    call = {"index": 0, "id": "x", "type": "function", "function": {"name": "get_weather"}}
    events, failure = read(piece("I look."), piece(None, tool_calls=[call]), finish(reason), DONE)
    assert failure is None
    assert merged(events) == [Text("I look.")]
    assert reason_of(events) is FinishReason.TOOL_CALL


def test_p18_a_call_cut_by_the_length_limit_is_cut() -> None:
    events, _ = read(piece("<tool_call>{"), finish("length"), DONE)
    assert merged(events) == []
    assert reason_of(events) is FinishReason.LENGTH


@pytest.mark.parametrize("field", ["content", "reasoning"])
def test_q9_an_answer_has_at_most_twice_the_requested_tokens(field: str) -> None:
    """Reasoning counts too; what came until then is kept."""
    reader, events = reader_of(*[piece(**{field: "word "})] * 100, max_tokens=10)
    assert reader.over
    assert reason_of(events) is FinishReason.CUT
    kept = "".join(each.text for each in events if isinstance(each, Text | Reasoning))
    assert kept == "word " * 21


def test_q9_characters_that_come_one_by_one_are_no_tokens() -> None:
    """A proxy may divide tokens: 10 tokens of 4 characters are 40 events."""
    reader, _ = reader_of(*[piece("x")] * 40, max_tokens=10)
    assert not reader.over


@pytest.mark.parametrize("field", ["content", "reasoning"])
def test_q9_an_answer_has_a_bounded_number_of_characters(field: str) -> None:
    part = piece(**{field: "x" * (bounds.EVENT // 2)})
    _, events = reader_of(*[part] * 100)
    assert reason_of(events) is FinishReason.CUT
    written = sum(len(each.text) for each in events if isinstance(each, Text | Reasoning))
    assert bounds.ANSWER < written <= bounds.ANSWER + bounds.EVENT


def test_q9_empty_objects_are_no_progress() -> None:
    """They keep no answer alive: only the first event, content, a tool call and a reason count."""
    reader, _ = reader_of(event({}))
    before = reader.progress
    reader.feed(
        event({}) + event({"choices": [{"delta": {}}]}) + event({"choices": [{"delta": {"content": ""}}]}), 2.0
    )
    assert reader.progress == before
    reader.feed(piece("a"), 3.0)
    assert reader.progress > before


def test_a_cut_names_its_bound_and_happens_once() -> None:
    reader, _ = reader_of(piece("a"))
    assert reason_of(reader.cut("more than 1 s", 2.0)) is FinishReason.CUT
    assert reader.cut("more than 1 s", 3.0) == []
    assert isinstance(reader.failure, SchedulerError) is False
