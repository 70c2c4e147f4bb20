"""The bytes of an answer to events, without a network."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.chat import (
    AnswerStats,
    Finish,
    FinishReason,
    Reasoning,
    StreamEvent,
    Text,
    Usage,
)
from bot.errors import (
    ClusterBusy,
    NodeFailed,
    RequestRefused,
    SchedulerError,
    SchedulerNotReady,
    StreamInterrupted,
    UpstreamFailed,
)
from bot.parallax import bounds
from bot.parallax.answer_reader import AnswerReader
from bot.parallax.reasoning import ThinkingHabits
from bot.parallax.sent_prompt import SentPrompt

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def event(payload: object) -> bytes:
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


def piece(content: object = None, **fields: object) -> bytes:
    return event({"model": "m", "choices": [{"index": 0, "delta": {"content": content, **fields}}]})


def finish(reason: object) -> bytes:
    return event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})


DONE = b"data: [DONE]\n\n"


def read(
    *parts: bytes, close: bool = True, habits: ThinkingHabits | None = None, prompt: SentPrompt | None = None
) -> tuple[list[StreamEvent], SchedulerError | None]:
    """Feed one part a second, from second 1 on."""
    known = habits or ThinkingHabits()
    reader = AnswerReader(0.0, known.opens_in_prompt, prompt or SentPrompt())
    events: list[StreamEvent] = []
    for second, part in enumerate(parts, start=1):
        if not reader.over:
            events += reader.feed(part, float(second))
    if close and not reader.over:
        events += reader.close(float(len(parts) + 1))
    reader.teach(known)
    assert reader.done is any(isinstance(each, Finish) for each in events)
    return events, reader.failure


def read_whole(
    payload: dict[str, object], prompt: SentPrompt | None = None
) -> tuple[list[StreamEvent], SchedulerError | None]:
    """Read an answer that came in one piece after 2 seconds."""
    reader = AnswerReader(0.0, lambda _: False, prompt or SentPrompt(), whole=True)
    events = reader.read_whole(payload, 2.0)
    assert reader.done is any(isinstance(each, Finish) for each in events)
    assert reader.done is (reader.failure is None)
    return events, reader.failure


def merged(events: list[StreamEvent]) -> list[StreamEvent]:
    out: list[StreamEvent] = []
    for each in events:
        last = out[-1] if out else None
        if isinstance(each, Text) and isinstance(last, Text):
            out[-1] = Text(last.text + each.text)
        elif isinstance(each, Reasoning) and isinstance(last, Reasoning):
            out[-1] = Reasoning(last.text + each.text)
        elif not isinstance(each, Finish):
            out.append(each)
    return out


def test_the_receipt_is_measured() -> None:
    usage = event({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}})
    events, failure = read(
        piece(None, role="assistant"), piece("a"), piece("b"), piece("c"), finish("stop"), usage, DONE
    )
    assert failure is None
    assert events == [
        Text("a"),
        Text("b"),
        Text("c"),
        Usage(7, 9),
        Finish(FinishReason.STOP, AnswerStats("m", 2.0, 7.0, 7, 9, 4.0, counted=True)),
    ]


def test_without_usage_the_content_events_are_counted() -> None:
    events, _ = read(piece(None, reasoning="x"), piece("a"), piece("b"), finish("length"), DONE)
    assert events[-1] == Finish(FinishReason.LENGTH, AnswerStats("m", 1.0, 5.0, None, 3, 1.0, counted=False))


def test_one_token_has_no_speed() -> None:
    events, _ = read(piece("a"), finish("stop"), DONE)
    assert isinstance(events[-1], Finish)
    assert events[-1].stats.tokens_per_second is None


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_in_a_field_of_its_own(name: str) -> None:
    events, _ = read(piece(**{name: "hm"}), piece("yes"), finish("stop"), DONE)
    assert events[:-1] == [Reasoning("hm"), Text("yes")]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_call"),
        ("function_call", "tool_call"),
        ("content_filter", "other"),
        ("eos", "stop"),
    ],
)
def test_reasons(reason: str, expected: str) -> None:
    events, _ = read(piece("a"), finish(reason), DONE)
    assert isinstance(events[-1], Finish)
    assert events[-1].reason is FinishReason(expected)


def test_done_without_a_reason_is_an_end_of_another_kind() -> None:
    events, failure = read(piece("a"), DONE)
    assert failure is None
    assert isinstance(events[-1], Finish)
    assert events[-1].reason is FinishReason.OTHER


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([piece("a")], "truncated"),
        ([], "truncated"),
        ([piece("a"), piece("é")[:-12]], "truncated"),
        ([piece("a"), b"data: \xc3"], "truncated"),
        ([DONE], "empty_answer"),
        ([piece(None, role="assistant"), DONE], "empty_answer"),
        ([piece("a"), finish("abort"), DONE], "aborted"),
        ([piece("a"), finish("error"), DONE], "aborted"),
    ],
)
def test_an_early_end_is_a_failure(parts: list[bytes], code: str) -> None:
    events, failure = read(*parts)
    assert type(failure) is (NodeFailed if code == "aborted" else StreamInterrupted)
    assert failure.code == code
    assert not any(isinstance(each, Finish) for each in events)


def test_content_after_the_reason_belongs_to_the_answer_and_after_done_not() -> None:
    events, _ = read(piece("a"), finish("stop"), piece("b"), DONE + piece("c"))
    assert events[:-1] == [Text("a"), Text("b")]


def test_an_error_after_the_reason_takes_nothing_away() -> None:
    events, failure = read(piece("a"), finish("stop"), b'{"error": {"message": "late"}}\n')
    assert failure is None
    assert isinstance(events[-1], Finish)


def test_an_error_in_the_same_bytes_comes_after_the_content() -> None:
    events, failure = read(piece("a") + piece("b<") + b'{"error": {"message": "bad", "type": "server_error"}}')
    assert merged(events) == [Text("ab<")], "what was held back is given out"
    assert isinstance(failure, StreamInterrupted)
    assert failure.status == 500
    assert "bad" in str(failure)


ENVELOPE = {"__parallax_http_response__": True, "content_type": "application/json"}


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"Internal Server Error", UpstreamFailed, None),
        (b"Traceback (most recent call last):\n  File\n", UpstreamFailed, None),
        (b'{"error": "just text"}', UpstreamFailed, None),
        (b'{\n "error": {\n  "message": "pretty",\n  "type": "server_error"\n }\n}\n', UpstreamFailed, 500),
        (b'{"error": {"message": "x", "code": 429}}trailing', ClusterBusy, 429),
        (b'{"error": {"message": "x", "type": "server_unavailable"}}', SchedulerNotReady, 503),
        (b'{"object": "error", "message": "x", "type": "BadRequestError", "code": 400}', RequestRefused, 400),
        (b'{"detail": "Not Found"}', UpstreamFailed, None),
        (b'{"error": {}}', UpstreamFailed, None),
        (b'{"cut": ', UpstreamFailed, None),
        (event({"error": {"message": "x", "code": "500"}}), UpstreamFailed, 500),
        (b'event: error\ndata: {"message": "x"}\n\n', UpstreamFailed, None),
        (b"data: oops\n\n", UpstreamFailed, None),
        (b"data: [1]\n\n", UpstreamFailed, None),
        (json.dumps({**ENVELOPE, "status_code": 503, "body_base64": "e30="}).encode(), SchedulerNotReady, 503),
        (json.dumps({**ENVELOPE, "status_code": 400, "body_base64": "bm8="}).encode(), RequestRefused, 400),
        (json.dumps({**ENVELOPE, "status_code": None, "body_base64": "!"}).encode(), UpstreamFailed, None),
        (json.dumps({**ENVELOPE, "status_code": 404, "body_base64": 7}).encode(), UpstreamFailed, 404),
    ],
)
def test_errors_in_place_of_an_answer(body: bytes, kind: type[SchedulerError], status: int | None) -> None:
    events, failure = read(body)
    assert events == []
    assert type(failure) is kind
    assert failure.status == status
    for at in range(1, len(body)):
        assert type(read(body[:at], body[at:])[1]) is kind


def test_a_refusal_says_how_much_too_long_the_prompt_is() -> None:
    for message in (
        "This model's maximum context length is 32768 tokens. However, your prompt contains 40001 input tokens.",
        "This model's maximum context length is 32768 tokens. However, you requested 40001 tokens (1 in all).",
        "The input (40001 tokens) is longer than the model's context length (32768 tokens).",
    ):
        _, failure = read(event({"error": {"message": message, "type": "invalid_request_error"}}))
        assert isinstance(failure, RequestRefused)
        assert failure.key == "error.prompt_too_long"
        assert failure.params == {"tokens": 40001, "limit": 32768}


@pytest.mark.parametrize(
    "odd",
    [
        {"choices": None},
        {"choices": [None]},
        {"choices": [{"delta": None, "finish_reason": None}]},
        {"choices": [{"delta": {"content": None, "reasoning": None}, "index": None}]},
        {"choices": [{"delta": {"content": 7, "reasoning": ["x"]}}]},
        {"choices": [{"index": 1, "delta": {"content": "of another choice"}}]},
        {"choices": [], "usage": None},
        {"choices": [], "usage": {"prompt_tokens": "many", "completion_tokens": -1}},
        {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2**63}},
        {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 1e300}},
        {"choices": [], "usage": {"prompt_tokens": int("9" * 400), "completion_tokens": 7}},
        {"error": None, "choices": []},
        {"model": 7},
        {},
    ],
)
def test_odd_fields_change_nothing(odd: object) -> None:
    events, failure = read(piece("a"), event(odd), piece("b"), finish("stop"), DONE)
    assert failure is None
    assert events[:-1] == [Text("a"), Text("b")]


def test_content_in_parts_and_events_without_a_blank_line() -> None:
    joined = piece("b")[:-1] + piece("c")
    last = finish("stop")[:-1] + DONE
    events, _ = read(piece([{"type": "text", "text": "a"}, None, 7]), joined, last, close=False)
    assert events[:-1] == [Text("a"), Text("b"), Text("c")]


def test_characters_that_cannot_be_stored_are_replaced() -> None:
    events, _ = read(piece("a\0b"), piece("\ud83d"), piece("🚀"), finish("stop"), DONE)
    assert events[:-1] == [Text("ab"), Text("\ufffd"), Text("🚀")]


def test_an_answer_taken_for_thinking_is_given_as_the_answer() -> None:
    habits = ThinkingHabits()
    parts = [
        event({"model": "x-Thinking", "choices": [{"index": 0, "delta": {"content": "Yes."}}]}),
        finish("stop"),
        DONE,
    ]
    first, _ = read(*parts, habits=habits)
    second, _ = read(*parts, habits=habits)
    assert first[:-1] == [Reasoning("Yes."), Text("Yes.")]
    assert second[:-1] == [Text("Yes.")]


@pytest.mark.parametrize("end", [[], [finish("length"), DONE]])
def test_an_answer_cut_short_while_thinking_teaches_nothing(end: list[bytes]) -> None:
    habits = ThinkingHabits()
    start = event({"model": "x-Thinking", "choices": [{"index": 0, "delta": {"content": "Let me see"}}]})
    events, _ = read(start, *end, habits=habits)
    assert merged(events) == [Reasoning("Let me see")]
    assert habits.opens_in_prompt("x-Thinking")


def nested(levels: int) -> object:
    content: object = "x"
    for _ in range(levels):
        content = [{"type": "text", "text": content}]
    return content


@pytest.mark.parametrize("field", ["content", "reasoning", "reasoning_content"])
def test_b4_content_nested_without_end_is_the_clusters_fault(field: str) -> None:
    """Before the first text and after it."""
    odd = event({"choices": [{"delta": {field: nested(350)}}]})
    _, failure = read(odd)
    assert type(failure) is UpstreamFailed
    assert failure.code == "malformed"
    events, failure = read(piece("a"), odd)
    assert events == [Text("a")]
    assert type(failure) is StreamInterrupted


@pytest.mark.parametrize("start", [b"", piece("a")], ids=["nothing", "some text"])
@pytest.mark.parametrize("line", [b": x\n", b"event: x\n", b"data: x\n", b"x"])
def test_b2_an_event_without_end_is_the_clusters_fault(start: bytes, line: bytes) -> None:
    flood = line * (2 * bounds.EVENT // len(line))
    events, failure = read(start + flood)
    assert events == ([Text("a")] if start else [])
    assert type(failure) is StreamInterrupted
    assert failure.code == "malformed"


def test_b3_lines_that_begin_an_object_which_never_ends() -> None:
    """They count as plain text, whose beginning is in the error."""
    _, failure = read(b'{"a": "xxxxxxxxxxxxxxxx",\n' * 16_000)
    assert type(failure) is UpstreamFailed
    assert failure.code == "raw_text"
    assert len(str(failure)) < 600


STREAM_PARTS = st.lists(
    st.sampled_from(
        [
            piece("a"),
            piece("naïve 🚀"),
            piece("<think>"),
            piece("</thi"),
            piece("nk>\n"),
            piece(None, reasoning="hm"),
            finish("stop"),
            DONE,
            b": ping\r\n\r\n",
            piece("x").replace(b"\n", b"\r"),
            b'{"error": {"message": "bad"}}\n',
            b"raw\n",
            b"\n",
        ]
    ),
    max_size=8,
).map(b"".join)


@given(STREAM_PARTS, st.lists(st.integers(0, 10**6), max_size=8))
def test_where_the_network_cuts_makes_no_difference(data: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(data), *(place % (len(data) + 1) for place in cuts)})
    parts = [data[start:end] for start, end in itertools.pairwise(places)]
    whole_events, whole_failure = read(data)
    events, failure = read(*parts)
    assert merged(events) == merged(whole_events)
    assert (type(failure), str(failure)) == (type(whole_failure), str(whole_failure))


@given(st.lists(JSON, max_size=4), st.binary(max_size=40))
def test_any_payload_gives_events_or_an_error_of_the_scheduler(payloads: list[object], noise: bytes) -> None:
    read(*(event(payload) for payload in payloads), noise)
    shaped = [
        event({"choices": [{"delta": payload, "finish_reason": payload}], "usage": payload})
        for payload in payloads
    ]
    read(*shaped, DONE)


def test_events_that_one_line_end_separates_are_read_one_by_one() -> None:
    """Some servers leave out the blank line between them."""
    together = b"".join(part.removesuffix(b"\n") for part in (piece("a"), piece("b"), finish("stop"))) + b"\n"
    events, failure = read(together, DONE)
    assert failure is None
    assert merged(events) == [Text("ab")]


def test_an_object_that_an_event_interrupts_is_an_error() -> None:
    """It began outside of the events and was never complete."""
    _, failure = read(b"{\n" + piece("a"))
    assert isinstance(failure, SchedulerError)
    assert failure.code == "raw_text"


def test_of_two_errors_the_first_one_counts() -> None:
    """They came in one part: the answer ended with the first."""
    refused = event({"error": {"message": "no such model", "code": 404}})
    _, failure = read(refused + event({"error": {"message": "again", "code": 503}}))
    assert failure is not None
    assert "no such model" in str(failure)
