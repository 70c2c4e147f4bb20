"""What of a scheduler's chunk is passed on."""

from __future__ import annotations

import pytest

from bot.domain.chat import Usage
from bot.errors import UpstreamFailed
from bot.parallax import bounds
from bot.parallax.passing import MANY, OpenStreams, passed


def test_choices_and_usage_and_nothing_else() -> None:
    """Neither the scheduler's ids nor what it adds."""
    delta = {"content": "a", "tool_calls": [{"index": 0}]}
    piece = passed(
        {
            "id": "x",
            "node": "12D3KooW",
            "choices": [{"index": 0, "delta": delta, "finish_reason": None, "node": "12D3KooW"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 1},
        }
    )
    assert piece.choices == [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}]
    assert piece.usage == Usage(3, 1)


def test_a_whole_answer_is_a_chunk_too() -> None:
    """Of an engine that does not stream."""
    piece = passed({"choices": [{"message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}]})
    assert piece.choices[0]["delta"] == {"role": "assistant", "content": "a"}
    assert piece.choices[0]["finish_reason"] == "stop"


@pytest.mark.parametrize("junk", [[7], [{"delta": 7}], [None], ["x"]])
def test_what_is_no_choice_is_the_clusters_fault(junk: list[object]) -> None:
    """No program has to read it."""
    with pytest.raises(UpstreamFailed):
        passed({"choices": junk})


def test_a_usage_chunk_has_no_choices() -> None:
    """And a flood of choices is cut."""
    assert passed({"choices": [], "usage": None}).choices == []
    assert len(passed({"choices": [{"delta": {}}] * 1_000}).choices) == bounds.CHOICES


def test_only_many_streams_are_passed_on_together() -> None:
    """A few are as prompt as they can be."""
    streams = OpenStreams()
    streams.count = MANY - 1
    assert streams.gap == 0.0
    streams.count = MANY
    assert streams.gap > 0.0
