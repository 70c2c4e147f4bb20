"""Answers that come in one JSON body."""

from __future__ import annotations

import pytest
from hypothesis import given

from bot.domain.chat import (
    AnswerStats,
    ChatMessage,
    ChatRequest,
    Finish,
    FinishReason,
    Reasoning,
    Role,
    StreamEvent,
    Text,
)
from bot.errors import NoAnswer, SchedulerError
from bot.parallax.sent_prompt import SentPrompt
from tests.unit.parallax.test_answer_reader import JSON, merged, read_whole


def test_a_whole_answer() -> None:
    message = {"content": "Yes", "reasoning_content": "hm"}
    events, failure = read_whole({"model": "m", "choices": [{"message": message, "finish_reason": None}]})
    assert failure is None
    stats = AnswerStats("m", None, 2.0, None, 2, None, counted=False)
    assert events == [Reasoning("hm"), Text("Yes"), Finish(FinishReason.OTHER, stats)]


@pytest.mark.parametrize(
    ("content", "text", "reasoning"),
    [
        ("why\n</think>\n\nbecause", "because", "why\n"),
        ("<think>why</think>because", "because", "why"),
        ("because", "because", ""),
    ],
)
def test_thinking_in_a_whole_answer(content: str, text: str, reasoning: str) -> None:
    """An end without a beginning counts for all of the text before it."""
    events = merged(read_whole({"choices": [{"message": {"content": content}}]})[0])
    assert "".join(each.text for each in events if isinstance(each, Text)) == text
    assert "".join(each.text for each in events if isinstance(each, Reasoning)) == reasoning


@pytest.mark.parametrize("field", ["content", "reasoning"])
def test_a_whole_answer_without_the_prompt_before_it(field: str) -> None:
    prompt = SentPrompt.of(ChatRequest((ChatMessage(Role.USER, "Why?"),)))
    kind = Text if field == "content" else Reasoning

    def read(text: str) -> tuple[list[StreamEvent], SchedulerError | None]:
        events, failure = read_whole({"choices": [{"message": {"content": "", field: text}}]}, prompt)
        return merged(events), failure

    assert read("user\nWhy?\nassistant\nBecause.") == ([kind("Because.")], None)
    assert read("Why? Because.") == ([kind("Why? Because.")], None)
    events, failure = read("user\nWhy?\nassistant\n")
    assert events == []
    assert isinstance(failure, NoAnswer)
    assert failure.code == "prompt_echo"


@given(JSON)
def test_a_whole_answer_of_any_shape(payload: object) -> None:
    """Most payloads are no message; every result is events or an error of the scheduler."""
    read_whole({"choices": [{"message": payload}]})
    read_whole({"choices": payload, "usage": payload, "model": payload, "error": payload})
