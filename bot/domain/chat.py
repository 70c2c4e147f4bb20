"""A chat and the events its answer arrives as."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """The author of a message, in OpenAI's terms."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of the prompt."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request to the cluster.

    ``max_tokens`` ≥ 1 or None for the cluster's own limit; ``temperature`` 0–2; ``top_k`` ≥ 1; ``think`` False
    switches reasoning off, None leaves the model's default. ``goes_on``: the last message is the assistant's and
    holds the start of the answer; only the rest is requested. Engines that cannot do that refuse the request or
    ignore this field.
    """

    messages: tuple[ChatMessage, ...]
    max_tokens: int | None = None
    temperature: float | None = None
    top_k: int | None = None
    think: bool | None = None
    goes_on: bool = False


class FinishReason(StrEnum):
    """Why an answer ended. TOOL_CALL: the model wanted to use a tool, although it was offered none. CUT: it
    exceeded what any answer may have."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALL = "tool_call"
    CUT = "cut"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Started:
    """The response headers arrived: a pipeline has taken the request. ``waited`` seconds since it was sent."""

    waited: float


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer. ``tokens`` is about how many it consists of: pieces that came together are one."""

    text: str
    tokens: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A piece of the model's thinking, which is not part of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts as the cluster reports them."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class AnswerStats:
    """The measurements shown in the receipt under an answer.

    Seconds on a monotonic clock: ``ttft`` from sending to the first text or reasoning (None when none came),
    ``duration`` from sending to the end. ``completion_tokens`` is the reported count, or the number of
    content events when ``counted`` is False. ``tokens_per_second`` is measured between the first and the last
    token; None for fewer than two.
    """

    model: str | None
    ttft: float | None
    duration: float
    prompt_tokens: int | None
    completion_tokens: int
    tokens_per_second: float | None
    counted: bool


@dataclass(frozen=True, slots=True)
class Finish:
    """The answer is complete. Always the last event, exactly once."""

    reason: FinishReason
    stats: AnswerStats


@dataclass(frozen=True, slots=True)
class Passed:
    """A piece of an answer that is passed on as it came: ``choices`` in OpenAI's form of a chunk (index, delta,
    logprobs, finish_reason), whose contents are untrusted; ``usage`` where it was told. ``tokens`` is about
    how many tokens it has: texts that came together are one piece."""

    choices: list[dict[str, object]]
    usage: Usage | None = None
    tokens: int = 1


StreamEvent = Started | Text | Reasoning | Usage | Finish
