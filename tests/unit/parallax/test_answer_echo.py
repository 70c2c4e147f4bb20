"""A prompt that is sent back instead of an answer gives no text, no reasoning and no measurement."""

from __future__ import annotations

import pytest

from bot.domain.chat import AnswerStats, ChatMessage, ChatRequest, Finish, FinishReason, Reasoning, Role, Text
from bot.errors import ClusterBusy, NoAnswer, StreamInterrupted
from bot.parallax.sent_prompt import SentPrompt
from tests.unit.parallax.test_answer_reader import DONE, event, finish, merged, piece, read

PROMPT = SentPrompt.of(
    ChatRequest((ChatMessage(Role.SYSTEM, "You are the team's own bot."), ChatMessage(Role.USER, "Which one?")))
)
ECHO = "system\nYou are the team's own bot.\nuser\nWhich one?\nassistant\n"


@pytest.mark.parametrize("field", ["content", "reasoning", "reasoning_content"])
@pytest.mark.parametrize("reason", ["stop", "length"])
def test_a_prompt_alone_is_no_answer(field: str, reason: str) -> None:
    """As content, and as reasoning when the engine's parser took it for thinking."""
    usage = event({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 1}})
    events, failure = read(piece(**{field: ECHO}), finish(reason), usage, DONE, prompt=PROMPT)
    assert events == []
    assert isinstance(failure, NoAnswer)
    assert failure.code == "prompt_echo"


@pytest.mark.parametrize("field", ["content", "reasoning"])
def test_an_error_after_the_prompt_counts_as_before_the_first_word(field: str) -> None:
    error = event({"error": {"message": "no slot", "type": "rate_limit_error", "code": "busy"}})
    events, failure = read(piece(**{field: ECHO}), error, DONE, prompt=PROMPT)
    assert events == []
    assert isinstance(failure, ClusterBusy)


@pytest.mark.parametrize("kept", [1, 9, 30, len(ECHO)])
def test_a_prompt_that_breaks_off_is_dropped(kept: int) -> None:
    events, failure = read(piece(ECHO[:kept]), prompt=PROMPT)
    assert events == []
    assert isinstance(failure, StreamInterrupted)


def test_a_prompt_is_not_measured() -> None:
    """The measurement begins with the first piece of the answer after it."""
    events, _ = read(piece(ECHO), piece("a"), piece("b"), piece("c"), finish("stop"), DONE, prompt=PROMPT)
    assert events == [
        Text("a"),
        Text("b"),
        Text("c"),
        Finish(FinishReason.STOP, AnswerStats("m", 2.0, 6.0, None, 3, 1.0, counted=False)),
    ]


def test_text_that_was_held_back_is_measured_from_its_arrival() -> None:
    """The answer begins with the same words as the prompt."""
    events, _ = read(piece("You "), piece("are "), piece("right."), finish("stop"), DONE, prompt=PROMPT)
    assert merged(events) == [Text("You are right.")]
    assert events[-1] == Finish(FinishReason.STOP, AnswerStats("m", 1.0, 5.0, None, 3, 1.0, counted=False))


def test_held_thinking_comes_before_the_answer() -> None:
    events, _ = read(piece(None, reasoning="You "), piece("Yes."), finish("stop"), DONE, prompt=PROMPT)
    assert events[:-1] == [Reasoning("You "), Text("Yes.")]


def test_held_words_are_given_out_at_the_end() -> None:
    """The answer consists only of the first words of the prompt."""
    events, _ = read(piece("You are"), finish("stop"), DONE, prompt=PROMPT)
    assert events[:-1] == [Text("You are")]


def test_thinking_that_the_prompt_opens_is_recognised_after_an_echo() -> None:
    events, _ = read(piece(f"{ECHO}<think>\n"), piece("Hm.</think>Yes."), finish("stop"), DONE, prompt=PROMPT)
    assert merged(events) == [Reasoning("Hm."), Text("Yes.")]
