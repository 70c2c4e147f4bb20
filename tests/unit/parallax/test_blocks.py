"""Thinking, Harmony channels and tool calls in the content of an answer."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.chat import Reasoning, Text
from bot.parallax import marks
from bot.parallax.marks import Kind
from bot.parallax.reasoning import ContentSplitter

NOBODY: frozenset[str] = frozenset()


def split(pieces: list[str], *, asked: frozenset[str] = NOBODY) -> tuple[str, str, bool]:
    """The text, the reasoning and whether a tool was called, of an answer that ended normally."""
    splitter = ContentSplitter(asked=asked)
    found = [part for piece in pieces for part in splitter.feed(piece)] + splitter.close()
    text = "".join(part.text for part in found if isinstance(part, Text))
    reasoning = "".join(part.text for part in found if isinstance(part, Reasoning))
    return text + splitter.mistaken, reasoning, splitter.called


def of_kind(kind: Kind) -> list[marks.Mark]:
    return [mark for mark in marks._MARKS if mark.kind is kind]


HARMONY = (
    "<|channel|>analysis<|message|>They ask for 2+2.<|end|>"
    "<|start|>assistant<|channel|>final<|message|>Four.<|return|>"
)


@pytest.mark.parametrize(
    ("content", "text", "reasoning"),
    [
        (HARMONY, "Four.", "They ask for 2+2."),
        ("<|start|>assistant" + HARMONY, "Four.", "They ask for 2+2."),
        ("<|channel|>final<|message|>Four.", "Four.", ""),
        ("<|start|>assistant<|message|>Four.<|end|>", "Four.", ""),
        ("<|channel|>analysis<|message|>a<|end|><|channel|>analysis<|message|>b<|end|>", "", "ab"),
        ("<|channel|>commentary<|message|>I look it up.<|end|><|channel|>final<|message|>Four.", "Four.", ""),
        ("<|channel|>final <|constrain|>json<|message|>{}<|return|>", "{}", ""),
        ("<|channel|>analysis<|message|>cut off", "", "cut off"),
        ("analysisThe user asks.assistantfinalFour.", "Four.", "The user asks."),
        ("analysis of the sum: four", "analysis of the sum: four", ""),
        ("Four.<|channel|>final<|message|>Five.", "Four.Five.", ""),
    ],
)
def test_t1_harmony_channels(content: str, text: str, reasoning: str) -> None:
    """``final`` is the answer, ``analysis`` the thinking, ``commentary`` hidden; for every cut into two pieces."""
    assert split([content]) == (text, reasoning, False)
    first = 4 if content.startswith("analysis") else 1  # shorter pieces of this word are text
    for at in range(first, len(content)):
        assert split([content[:at], content[at:]]) == (text, reasoning, False)


def test_t1_a_message_to_a_tool_is_a_call() -> None:
    call = (
        '<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"city": "Paris"}<|call|>'
        "<|start|>functions.get_weather to=assistant<|channel|>commentary<|message|>21 C<|end|>"
        "<|start|>assistant<|channel|>final<|message|>It is warm."
    )
    assert split(list(call)) == ("It is warm.", "", True)


@pytest.mark.parametrize("mark", of_kind(Kind.THINKING), ids=lambda mark: mark.text)
def test_t2_every_thinking_mark(mark: marks.Mark) -> None:
    """At the start, after another block, and after a sentence."""
    block = f"{mark.text}why{mark.closings[0]}"
    for before in ("", "\n", "Let me see. ", "One\n"):
        content = f"{before}{block}\n\nHello!"
        expected = (f"{before if before.strip() else ''}Hello!", "why", False)
        assert split([content]) == expected
        assert split(list(content)) == expected
    assert split(list(f"{block}\n{block}Hello!")) == ("Hello!", "whywhy", False)


def test_t2_tags_may_be_written_in_capitals() -> None:
    assert split(list("<THINK>why</Think>Hello!")) == ("Hello!", "why", False)


@pytest.mark.parametrize(
    "content",
    [
        "Use `<think>` and `</think>`.",
        "Use ``a ` <think>x</think>``.",
        "```xml\n<thinking>a</thinking>\n```\nDone.",
        "See: ```xml\n<thinking>a</thinking>\n```\nDone.",
        "~~~\n<think>a</think>\n<tool_call>{}</tool_call>\n~~~",
        "Like this:\n\n    <think>a</think>\n",
        "1. Do\n   ```\n   <|channel|>final<|message|>x\n   ```\n",
        "They put <think> and </thought> around it.",
        "Write <think> to think.",
        "Say “<tool_call>” first.",
        "He wrote:\n<tool_call> begins a call",
        "One.\n<think> is a tag",
        "a < b, [TOOL, ◁",
        "<|start|>",
        "<|end|> ends it",
        "<answer>4</answer>",
        "[think] about it",
    ],
)
def test_t2_text_about_marks_stays_text(content: str) -> None:
    """In code, in the middle of a sentence, and as a tag whose block never ends."""
    assert split([content])[::2] == (content, False)
    assert split(list(content))[::2] == (content, False)


@pytest.mark.parametrize(
    ("question", "content", "text"),
    [
        ("Reply with <think>hi</think>", "<think>hi</think>", "<think>hi</think>"),
        ("What does <think> mean?", "It opens. <think>a</think> Done.", "It opens. <think>a</think> Done."),
        (
            "What does <think> mean?",
            "<think>Hm.</think>It opens.\n<think>a</think>",
            "It opens.\n<think>a</think>",
        ),
        ("Show a <tool_call>", '<tool_call>{"a": 1}</tool_call>', '<tool_call>{"a": 1}</tool_call>'),
        ("Explain <|channel|>", "It is:\n<|channel|>final<|message|>", "It is:\n<|channel|>final<|message|>"),
    ],
)
def test_t2_marks_that_the_asker_wrote_stay_text(question: str, content: str, text: str) -> None:
    """Except a thinking at the very start, when an answer follows it."""
    asked = marks.marks_in(question)
    assert split([content], asked=asked)[0] == text
    assert split(list(content), asked=asked)[0] == text


def test_t2_an_answer_in_a_wrapper_of_its_own() -> None:
    assert split(list("<think>a</think>\n<answer>\nFour.\n</answer>")) == ("Four.\n", "a", False)
    assert split(list("<|begin_of_thought|>a<|end_of_thought|><|begin_of_solution|>4<|end_of_solution|>")) == (
        "4",
        "a",
        False,
    )


CALL = '{"name": "get_weather", "arguments": {"city": "Paris"}}'


@pytest.mark.parametrize("mark", of_kind(Kind.CALL), ids=lambda mark: mark.text)
def test_p18_every_tool_call_is_hidden(mark: marks.Mark) -> None:
    """Alone, after text, and cut off; split anywhere."""
    closing = mark.closings[0] if mark.closings else ""
    for before, after in (("", ""), ("I look.\n", ""), ("I look.\n", "\nDone." if closing else "")):
        content = f"{before}{mark.text}{CALL}{closing}{after}"
        expected = (before + after.strip(), "", True)
        assert split([content]) == expected
        assert split(list(content)) == expected
    assert split(list(f"I look.\n{mark.text}{CALL[:20]}")) == ("I look.\n", "", True)


def test_p18_a_call_after_a_thinking() -> None:
    content = (
        f"<think>I need a tool.</think>\n\n<tool_call>\n{CALL}\n</tool_call>\n<tool_call>\n{CALL}\n</tool_call>"
    )
    assert split(list(content)) == ("", "I need a tool.", True)


@pytest.mark.parametrize("fence", ["```", "~~~", "````"])
def test_p18_a_call_in_code_is_text(fence: str) -> None:
    content = f"Write:\n{fence}xml\n<tool_call>\n{CALL}\n</tool_call>\n{fence}\nThat is all."
    assert split(list(content)) == (content, "", False)


def test_no_mark_is_the_beginning_of_another() -> None:
    texts = [mark.text for mark in marks._MARKS]
    assert len(set(texts)) == len(texts)
    assert not [(one, other) for one in texts for other in texts if one != other and other.startswith(one)]
    assert all(marks.STARTS.match(text) for text in texts)


PIECES = st.sampled_from(
    [
        "<think>",
        "</think>",
        "<thinking>",
        "<tool_call>",
        "</tool_call>",
        "<|channel|>",
        "<|start|>",
        "<|message|>",
        "<|end|>",
        "<|return|>",
        "analysis",
        "final",
        "assistant",
        "[TOOL_CALLS]",
        "<answer>",
        "</answer>",
        "`",
        "```",
        "~~~",
        "\n",
        "\n\n",
        "    ",
        ". ",
        "a",
        "{",
        "<",
        "語",
    ]
)


@given(st.lists(PIECES, max_size=16).map("".join), st.lists(st.integers(0, 10**6), max_size=6), st.booleans())
def test_where_the_content_is_cut_makes_no_difference(content: str, cuts: list[int], asked: bool) -> None:
    places = sorted({0, len(content), *(place % (len(content) + 1) for place in cuts)})
    pieces = [content[start:end] for start, end in itertools.pairwise(places)]
    wrote = marks.marks_in("<think> <|channel|>") if asked else NOBODY
    assert split(pieces, asked=wrote) == split([content], asked=wrote)


@pytest.mark.parametrize("unit", ["`", "~", "<", "[", "<think>", "<tool_call>", "<|channel|>", "```\n", "- "])
def test_b3_the_work_for_content_in_small_pieces_is_linear(unit: str) -> None:
    """What is held for a mark, a header or a run of backticks stays short, so that no piece is processed often."""
    splitter = ContentSplitter()
    for _ in range(2_000):
        splitter.feed(unit)
        assert len(splitter._held) <= marks.LONGEST + 300
