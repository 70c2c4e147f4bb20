"""Answers in OpenAI's form: chunks of a stream, and whole ones put together from the same pieces."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from bot.api import bounds
from bot.domain.chat import Passed
from bot.domain.queue.request import Answer

DONE = b"data: [DONE]\n\n"
_REASONS = {"stop", "length", "tool_calls", "content_filter", "function_call"}
_OTHER_NAMES = {"eos": "stop", "max_tokens": "length", "tool_call": "tool_calls"}


def dumped(value: object) -> bytes:
    """``value`` as JSON. Halves of surrogate pairs, which models may write, are escaped."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value).encode()


def usage_of(answer: Answer) -> dict[str, int]:
    """The usage object."""
    prompt, completion = answer.prompt_tokens or 0, answer.completion_tokens
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def metrics_of(answer: Answer, waited: float) -> dict[str, float | None]:
    """What was measured of the answer; ``waited`` in seconds until a pipeline took the request."""
    speed, ttft = answer.tokens_per_second, answer.ttft
    return {
        "tps": None if speed is None else round(speed, 2),
        "ttft_ms": None if ttft is None else round(ttft * 1000, 1),
        "tokens": answer.completion_tokens,
        "waited_ms": round(waited * 1000, 1),
    }


def finish_reason(value: object) -> str | None:
    """A reason by OpenAI's names; None while there is none."""
    if not isinstance(value, str) or not value:
        return None
    name = _OTHER_NAMES.get(value.lower(), value.lower())
    return name if name in _REASONS else "stop"


class Chunks:
    """The chunks of one stream."""

    def __init__(self, response_id: str, created: int, model: str, *, with_usage: bool) -> None:
        """``with_usage``: chunks say ``usage: null``, as OpenAI's do when it was asked for."""
        head = {"id": response_id, "object": "chat.completion.chunk", "created": created, "model": model}
        self._head = b"data: " + dumped(head)[:-1]
        self._tail = b',"usage":null}\n\n' if with_usage else b"}\n\n"
        self._has_role = False

    def chunk(self, piece: Passed) -> bytes:
        """The chunk of a piece; empty for one that adds nothing."""
        if not piece.choices:
            return b""
        for choice in piece.choices:
            choice["finish_reason"] = finish_reason(choice["finish_reason"])
        if not self._has_role:
            self._has_role = True
            delta = piece.choices[0]["delta"]
            if isinstance(delta, dict):
                piece.choices[0]["delta"] = {"role": "assistant", **delta}
        return b"".join((self._head, b',"choices":', dumped(piece.choices), self._tail))

    def last(self, extra: Mapping[str, object]) -> bytes:
        """The chunk without choices that ends a stream, with its usage or metrics."""
        return b"".join((self._head, b',"choices":[],', dumped(extra)[1:], b"\n\n"))


@dataclass(slots=True)
class _Choice:
    content: list[str] = field(default_factory=list)
    reasoning: dict[str, list[str]] = field(default_factory=dict)
    refusal: str | None = None
    calls: dict[int, dict[str, object]] = field(default_factory=dict)
    function: dict[str, str] | None = None
    logprobs: dict[str, list[object]] | None = None
    finish: str | None = None


class WholeAnswer:
    """An answer that is sent at once, put together from its pieces."""

    def __init__(self) -> None:
        self._choices: dict[int, _Choice] = {}
        self._size = 0

    def add(self, piece: Passed) -> None:
        """Add a piece; what exceeds :data:`bounds.WHOLE` is left out."""
        for choice in piece.choices:
            index = choice["index"]
            made = self._choices.setdefault(index if isinstance(index, int) else 0, _Choice())
            made.finish = finish_reason(choice["finish_reason"]) or made.finish
            delta = choice["delta"]
            if isinstance(delta, dict) and self._has_room(delta):
                _add_delta(made, delta)
            _add_logprobs(made, choice["logprobs"])

    def _has_room(self, delta: Mapping[str, object]) -> bool:
        self._size += sum(len(value) if isinstance(value, str) else 100 for value in delta.values())
        return self._size <= bounds.WHOLE

    def body(self, response_id: str, created: int, model: str, answer: Answer) -> dict[str, object]:
        """The JSON object of the response."""
        return {
            "id": response_id,
            "object": "chat.completion",
            "created": created,
            "model": model,
            "choices": [
                {
                    "index": index,
                    "message": _message(choice),
                    "logprobs": choice.logprobs,
                    "finish_reason": "length" if self._size > bounds.WHOLE else choice.finish or "stop",
                }
                for index, choice in sorted((self._choices or {0: _Choice()}).items())
            ],
            "usage": usage_of(answer),
        }


def _add_delta(choice: _Choice, delta: Mapping[str, object]) -> None:
    for name in ("reasoning_content", "reasoning"):
        if isinstance(thought := delta.get(name), str):
            choice.reasoning.setdefault(name, []).append(thought)
    if isinstance(content := delta.get("content"), str):
        choice.content.append(content)
    if isinstance(refusal := delta.get("refusal"), str):
        choice.refusal = (choice.refusal or "") + refusal
    if isinstance(function := delta.get("function_call"), dict):
        choice.function = _joined(choice.function or {}, function)
    calls = delta.get("tool_calls")
    for position, part in enumerate(calls if isinstance(calls, list) else ()):
        if isinstance(part, dict):
            index = part.get("index")
            _add_call(choice.calls, index if isinstance(index, int) else position, part)


def _add_call(calls: dict[int, dict[str, object]], index: int, part: Mapping[str, object]) -> None:
    call = calls.setdefault(index, {"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
    if isinstance(part.get("id"), str) and part["id"]:
        call["id"] = part["id"]
    function, known = part.get("function"), call["function"]
    if isinstance(function, dict) and isinstance(known, dict):
        call["function"] = _joined(known, function)


def _joined(known: Mapping[str, object], more: Mapping[str, object]) -> dict[str, str]:
    return {
        name: str(known.get(name) or "") + (text if isinstance(text := more.get(name), str) else "")
        for name in ("name", "arguments")
    }


def _add_logprobs(choice: _Choice, logprobs: object) -> None:
    if not isinstance(logprobs, dict):
        return
    kept = choice.logprobs = choice.logprobs or {}
    for name in ("content", "refusal"):
        if isinstance(more := logprobs.get(name), list):
            kept.setdefault(name, []).extend(more)


def _message(choice: _Choice) -> dict[str, object]:
    message: dict[str, object] = {
        "role": "assistant",
        "content": "".join(choice.content),
        "refusal": choice.refusal,
    }
    message.update({name: "".join(parts) for name, parts in choice.reasoning.items()})
    if choice.calls:
        message["tool_calls"] = [call for _, call in sorted(choice.calls.items())]
        message["content"] = message["content"] or None
    if choice.function is not None:
        message["function_call"] = choice.function
    return message
