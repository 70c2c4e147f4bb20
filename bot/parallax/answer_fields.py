"""Fields of an answer's JSON, in a chunk of a stream or in one body."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.chat import FinishReason, Usage
from bot.parallax import bounds
from bot.parallax.untrusted import mapping, sequence, storable, whole_number

_REASONS = {
    "stop": FinishReason.STOP,
    "eos": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALL,
    "function_call": FinishReason.TOOL_CALL,
}


def finish_reason(name: str) -> FinishReason:
    """The reason for its name in the protocol; unknown names are OTHER."""
    return _REASONS.get(name.lower(), FinishReason.OTHER)


def read_usage(value: object) -> Usage | None:
    """A ``usage`` object; None when it does not hold both counts, or counts that no answer has."""
    fields = mapping(value)
    if fields is None:
        return None
    prompt, completion = (
        whole_number(fields.get("prompt_tokens"), most=bounds.TOKENS),
        whole_number(fields.get("completion_tokens"), most=bounds.TOKENS),
    )
    return None if prompt is None or completion is None else Usage(prompt, completion)


def content_text(value: object, *, depth: int = 0) -> str:
    """Content as text: a string, or OpenAI's list of parts; anything else is empty. Raises ValueError for parts
    that are nested more deeply than any format allows."""
    if isinstance(value, str):
        return storable(value)
    if value is None:
        return ""
    if depth > bounds.NESTED_PARTS:
        raise ValueError(f"content nested more than {bounds.NESTED_PARTS} deep")
    parts = (mapping(part) for part in sequence(value))
    return "".join(content_text(part.get("text"), depth=depth + 1) for part in parts if part is not None)


def reasoning_text(fields: Mapping[str, object]) -> str:
    """The thinking in a delta or message, under either of its names. Raises as :func:`content_text`."""
    return content_text(fields.get("reasoning")) or content_text(fields.get("reasoning_content"))


def first_choice(payload: Mapping[str, object]) -> Mapping[str, object] | None:
    """The choice an answer is read from: the one with index 0."""
    for entry in sequence(payload.get("choices"))[: bounds.CHOICES]:
        choice = mapping(entry)
        if choice is not None and choice.get("index", 0) in (0, None):
            return choice
    return None


def calls_tool(delta: Mapping[str, object]) -> bool:
    """Whether a delta or message has a part of a tool call, which nobody offered."""
    return bool(sequence(delta.get("tool_calls"))) or mapping(delta.get("function_call")) is not None


def only_text(payload: Mapping[str, object]) -> str:
    """The text that a chunk adds to the answer, when that is all it does; otherwise empty."""
    choice = first_choice(payload)
    if choice is None or choice.get("finish_reason") or payload.get("usage"):
        return ""
    delta = mapping(choice.get("delta")) or mapping(choice.get("message")) or {}
    content = delta.get("content")
    return content if isinstance(content, str) and not (reasoning_text(delta) or calls_tool(delta)) else ""
