"""Pieces of an answer in OpenAI's form, streamed and put together."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.api import bounds
from bot.api.answers import Chunks, WholeAnswer, finish_reason, metrics_of
from bot.domain.chat import Passed
from bot.domain.queue.request import Answer

ANSWER = Answer("", "", "stop", "m", 3, 2, 0.5, 1.0, 40.0)


def piece(
    delta: dict[str, object], *, finish: str | None = None, index: int = 0, logprobs: object = None
) -> Passed:
    """A piece with one choice."""
    return Passed([{"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}])


def whole(*pieces: Passed) -> Any:
    """The first choice of an answer of these pieces."""
    made = WholeAnswer()
    for one in pieces:
        made.add(one)
    body = made.body("chatcmpl-1", 7, "m", ANSWER)
    assert body["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return json.loads(json.dumps(body["choices"]))[0]


@given(st.text(), st.lists(st.integers(0, 40), max_size=6))
def test_however_a_text_is_cut_the_answer_is_the_same(text: str, cuts: list[int]) -> None:
    """Streamed or whole."""
    places = sorted({min(cut, len(text)) for cut in (0, *cuts, len(text))})
    parts = [text[start:end] for start, end in pairwise(places)]
    pieces = [piece({"content": part}) for part in parts]
    assert whole(*pieces, piece({}, finish="stop"))["message"]["content"] == text
    chunks = Chunks("chatcmpl-1", 7, "m", with_usage=False)
    told = [json.loads(chunks.chunk(one)[6:]) for one in (piece({"content": part}) for part in parts)]
    assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in told) == text


def test_a_call_is_put_together_from_its_parts() -> None:
    """Two of them side by side; the content is then null."""

    def part(index: int, **fields: object) -> Passed:
        return piece({"tool_calls": [{"index": index, **fields}]})

    choice = whole(
        part(0, id="a", type="function", function={"name": "one", "arguments": ""}),
        part(1, id="b", type="function", function={"name": "two", "arguments": "{"}),
        part(0, function={"arguments": "{}"}),
        part(1, function={"arguments": "}"}),
        piece({}, finish="tool_calls"),
    )
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert [(call["id"], call["function"]) for call in choice["message"]["tool_calls"]] == [
        ("a", {"name": "one", "arguments": "{}"}),
        ("b", {"name": "two", "arguments": "{}"}),
    ]


def test_logprobs_and_thoughts_are_kept() -> None:
    """In their order, under the names that they came with."""
    choice = whole(
        piece({"reasoning_content": "Hm, "}),
        piece({"reasoning_content": "yes."}),
        piece({"content": "a"}, logprobs={"content": [{"token": "a"}]}),
        piece({"content": "b"}, logprobs={"content": [{"token": "b"}]}),
    )
    assert choice["message"]["reasoning_content"] == "Hm, yes."
    assert choice["logprobs"] == {"content": [{"token": "a"}, {"token": "b"}]}
    assert choice["finish_reason"] == "stop"


@pytest.mark.parametrize("junk", [{"content": 7}, {"tool_calls": "x"}, {"tool_calls": [7]}, {"function_call": []}])
def test_what_is_no_answer_is_left_out(junk: dict[str, object]) -> None:
    """A scheduler may send anything."""
    assert whole(piece(junk), piece({"content": "a"}))["message"]["content"] == "a"


def test_an_answer_that_is_too_long_ends_with_length() -> None:
    """Its memory is bounded."""
    part = "x" * 1_000_000
    choice = whole(*(piece({"content": part}) for _ in range(bounds.WHOLE // len(part) + 3)))
    assert len(choice["message"]["content"]) == bounds.WHOLE
    assert choice["finish_reason"] == "length"


def test_halves_of_a_surrogate_pair_are_still_json() -> None:
    """As models write them when they are cut."""
    chunk = Chunks("chatcmpl-1", 7, "m", with_usage=True).chunk(piece({"content": "\ud83d"}))
    assert json.loads(chunk[6:])["choices"][0]["delta"] == {"role": "assistant", "content": "\ud83d"}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("stop", "stop"),
        ("EOS", "stop"),
        ("max_tokens", "length"),
        ("odd", "stop"),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_reasons_have_openais_names(said: object, told: str | None) -> None:
    """Whatever an engine calls them."""
    assert finish_reason(said) == told


def test_metrics() -> None:
    """In the units that their names say."""
    assert metrics_of(ANSWER, 0.25) == {"tps": 40.0, "ttft_ms": 500.0, "tokens": 2, "waited_ms": 250.0}
