"""The marks by which models set apart what is not their answer: thinking, tool calls, channels.

Sources: the chat templates and special tokens that the models' publishers ship with them, and the tool-call and
reasoning parsers of vLLM and SGLang, which read the same marks. No mark is the beginning of another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """What a mark begins or ends."""

    THINKING = auto()
    CALL = auto()
    CHANNEL = auto()
    """The header of a message in OpenAI's Harmony format, up to :data:`MESSAGE`."""
    HIDDEN = auto()
    """Another message that is not for the reader."""
    END = auto()
    """The end of such a message."""
    WRAPPER = auto()
    """A mark around the answer itself."""
    CLOSING = auto()
    """The end of a thinking."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark and how its block ends: at any of ``closings``, or with the content if there are none.

    ``is_word``: a tag like those that people write about. It counts only where a block may begin; the other marks
    are special tokens, which nobody writes by chance.
    """

    text: str
    kind: Kind
    closings: tuple[str, ...] = ()
    is_word: bool = False


MESSAGE = "<|message|>"
_MESSAGE_ENDS = ("<|end|>", "<|return|>", "<|call|>")
CHANNEL_STARTS = ("<|start|>", "<|channel|>")
CHANNEL_ENDS = (*_MESSAGE_ENDS, *CHANNEL_STARTS)
"""What ends a message of the Harmony format; the last two begin the next one as well."""

_THINKING_WORDS = (
    "think",
    "thinking",
    "thought",
    "thoughts",
    "reasoning",
    "reflection",
    "scratchpad",
    "seed:think",
    "mm:think",
    "longcat_think",
)
_THINKING_TOKENS = (
    ("[THINK]", "[/THINK]"),  # Magistral
    ("◁think▷", "◁/think▷"),  # Kimi
    ("<|begin_of_thought|>", "<|end_of_thought|>"),  # Sky-T1, OpenThinker
    ("<|START_THINKING|>", "<|END_THINKING|>"),  # Command A
    ("<|channel>thought", "<channel|>"),  # Gemma 4
    ("<unused94>thought", "<unused95>"),  # MedGemma
)
_CALL_WORDS = (
    "tool_call",
    "tool_calls",
    "toolcall",
    "tool_use",
    "function_call",
    "function_calls",
    "minimax:tool_call",
    "seed:tool_call",
    "longcat_tool_call",
)
_CALL_TOKENS = (
    ("[TOOL_CALLS]", ""),  # Mistral
    ("[TOOL_REQUEST]", "[END_TOOL_REQUEST]"),
    ("<|python_tag|>", "<|eom_id|>"),  # Llama 3
    ("<|tool_call|>", "<|/tool_call|>"),  # Granite, Phi 4
    ("<|tool_call>", "<tool_call|>"),  # Gemma 4
    ("<|tool_call_start|>", "<|tool_call_end|>"),  # LFM2
    ("<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"),  # Kimi K2
    ("<|START_ACTION|>", "<|END_ACTION|>"),  # Command A
    ("<|action_start|>", "<|action_end|>"),  # InternLM
    ("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"),  # DeepSeek
    ("<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>"),
    ("<｜DSML｜function_calls>", "</｜DSML｜function_calls>"),
)
_WRAPPER_TOKENS = ("<|begin_of_solution|>", "<|end_of_solution|>", "<|START_RESPONSE|>", "<|END_RESPONSE|>")

ANSWER_OPENS, ANSWER_CLOSES = "<answer>", "</answer>"
"""Tags that some models put around the answer after a thinking; anywhere else they are text."""

LOST_ANALYSIS = Mark("analysis", Kind.THINKING, ("assistantfinal",))
"""A Harmony answer whose special tokens were lost: "analysis" is glued to the thinking, which begins with a
capital letter, and "assistantfinal" to the answer."""

_MARKS = (
    *(Mark(f"<{word}>", Kind.THINKING, (f"</{word}>",), is_word=True) for word in _THINKING_WORDS),
    *(Mark(opening, Kind.THINKING, (closing,)) for opening, closing in _THINKING_TOKENS),
    *(Mark(f"<{word}>", Kind.CALL, (f"</{word}>",), is_word=True) for word in _CALL_WORDS),
    Mark("<function=", Kind.CALL, ("</function>",), is_word=True),
    *(Mark(opening, Kind.CALL, (closing,) if closing else ()) for opening, closing in _CALL_TOKENS),
    *(Mark(text, Kind.CHANNEL) for text in CHANNEL_STARTS),
    *(Mark(text, Kind.END) for text in (*_MESSAGE_ENDS, MESSAGE)),
    *(Mark(text, Kind.WRAPPER) for text in _WRAPPER_TOKENS),
    *(Mark(f"</{word}>", Kind.CLOSING, is_word=True) for word in _THINKING_WORDS),
    *(Mark(closing, Kind.CLOSING) for _, closing in _THINKING_TOKENS),
)
_WORDS = {mark.text: mark for mark in _MARKS if mark.is_word}
_TOKENS = {mark.text: mark for mark in _MARKS if not mark.is_word}
_ANY = re.compile(f"(?P<word>(?i:{'|'.join(map(re.escape, _WORDS))}))|{'|'.join(map(re.escape, _TOKENS))}")

_CHANNEL_MARKS = frozenset(mark.text for mark in _MARKS if mark.kind in {Kind.CHANNEL, Kind.END})

STARTS = re.compile(r"[<\[◁]")
"""The characters that marks begin with."""

LONGEST = max(len(mark.text) for mark in _MARKS)
THINKING_CLOSES = tuple(mark.text for mark in _MARKS if mark.kind is Kind.CLOSING)


def mark_at(text: str, at: int) -> Mark | None:
    """The mark that begins at this index. Tags may be written in capitals."""
    found = _ANY.match(text, at)
    return _found(found) if found else None


def _found(match: re.Match[str]) -> Mark:
    return _WORDS[match[0].lower()] if match["word"] else _TOKENS[match[0]]


def may_become_mark(text: str, at: int) -> bool:
    """Whether the text ends inside what may become a mark that begins at this index."""
    rest = text[at : at + LONGEST]
    if at + len(rest) < len(text):
        return False
    lowered = rest.lower()
    return any(mark.startswith(rest) for mark in _TOKENS) or any(mark.startswith(lowered) for mark in _WORDS)


def marks_in(text: str) -> frozenset[str]:
    """The marks in a text that somebody wrote, each with the others of its block: who writes one of them may be
    answered with all."""
    names = {_found(match).text for match in _ANY.finditer(text)}
    for mark in _MARKS:
        block = {mark.text, *mark.closings}
        if len(block) > 1 and names & block:
            names |= block
    if names & _CHANNEL_MARKS:
        names |= _CHANNEL_MARKS
    return frozenset(names)


_HEADER = re.compile(r"(?:<\|start\|>\s*(?P<role>[\w.]*)[^<]*)?(?:<\|channel\|>\s*(?P<channel>\w*))?")


def kind_of_message(header: str) -> Kind | None:
    """What a Harmony message holds by its header: None for text for the reader, which the channel ``final`` has;
    THINKING for ``analysis``, CALL for a message to a tool, HIDDEN for anything else."""
    found = _HEADER.match(header)
    role, channel = (found["role"] or "", found["channel"] or "") if found else ("", "")
    if role not in {"", "assistant"}:
        return Kind.HIDDEN
    if "to=" in header:
        return Kind.CALL
    if channel in {"", "final"}:
        return None
    return Kind.THINKING if channel == "analysis" else Kind.HIDDEN


def open_end(text: str, marks: tuple[str, ...]) -> int:
    """The number of characters at the end of a text that may be the beginning of one of these marks."""
    tail = text[-LONGEST:].lower()
    for length in range(len(tail), 0, -1):
        end = tail[-length:]
        if any(mark.lower().startswith(end) and len(mark) > length for mark in marks):
            return length
    return 0
