"""Chat events as bytes: what the worker writes and the scheduler passes on."""

import asyncio
from dataclasses import dataclass

from sandbox.parallax.exchange import Exchange
from sandbox.parallax.script import Delta, Framing, ReasoningStyle, WireStyle
from sandbox.parallax.wire import Json, JsonObject, compact

__all__ = ["ChunkBuilder", "EventWriter"]

_JOINED_EVENTS = 3
_SPLIT_BYTES = 7


@dataclass(frozen=True, slots=True)
class ChunkBuilder:
    """The JSON of one answer's events, its keys in the recorded order."""

    id: str
    created: int
    model: str
    style: WireStyle

    def role(self) -> JsonObject:
        """The first event: the role alone."""
        return self._chunk([{"index": 0, "delta": {"role": "assistant"}}])

    def token(self, delta: Delta) -> JsonObject:
        """One token of content or reasoning, or a piece of a tool call."""
        if delta.tool_call is not None:
            return self._chunk([{"index": 0, "delta": {"tool_calls": [delta.tool_call]}}])
        field = "content"
        if delta.reasoning:
            content_field = self.style.reasoning is ReasoningStyle.CONTENT_FIELD
            field = "reasoning_content" if content_field else "reasoning"
        return self._chunk([{"index": 0, "delta": {field: delta.text}}])

    def finish(self, reason: str) -> JsonObject:
        """The event with the `finish_reason`."""
        return self._chunk([{"index": 0, "delta": {}, "finish_reason": reason, **self._stop_reason(reason)}])

    def usage(self, prompt: int, completion: int) -> JsonObject:
        """The usage event: no choices."""
        return {**self._chunk([]), "usage": usage(prompt, completion)}

    def whole(self, *, text: str, reasoning: str | None, finish: str, prompt: int, completion: int) -> JsonObject:
        """The answer to a request without `stream` (recording 33)."""
        message: dict[str, Json] = {"role": "assistant", "content": text, "reasoning": reasoning}
        if self.style.vllm_rs:
            if reasoning is None:
                del message["reasoning"]
            said: dict[str, Json] = {"index": 0, "message": message, "finish_reason": finish}
            return {
                "id": self.id,
                "object": "chat.completion",
                "created": self.created,
                "model": self.model,
                "choices": [{**said, **self._stop_reason(finish)}],
                "usage": usage(prompt, completion),
            }
        choice: dict[str, Json] = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": finish,
            "stop_reason": None,
            "token_ids": None,
        }
        return {
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [choice],
            "usage": usage(prompt, completion),
            "system_fingerprint": None,
            "prompt_logprobs": None,
            "prompt_token_ids": None,
            "kv_transfer_params": None,
        }

    def _stop_reason(self, finish: str) -> dict[str, Json]:
        """The id of the token that ended the answer, which only the real front tells (recordings 100, 133)."""
        return {"stop_reason": 2} if self.style.vllm_rs and finish != "length" else {}

    def _chunk(self, choices: list[Json]) -> dict[str, Json]:
        return {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        }


def usage(prompt: int, completion: int) -> JsonObject:
    """Token counts, in the recorded order."""
    return {"prompt_tokens": prompt, "total_tokens": prompt + completion, "completion_tokens": completion}


class EventWriter:
    """Writes a chunked answer's events in a style: one a chunk, several a chunk, or cut anywhere."""

    def __init__(self, exchange: Exchange, style: WireStyle) -> None:
        self._exchange = exchange
        self._style = style
        self._pending: list[bytes] = []
        self._events = 0

    async def event(self, data: JsonObject | str) -> None:
        """One `data:` event."""
        newline = b"\r\n" if self._style.crlf else b"\n"
        payload = data.encode() if isinstance(data, str) else compact(data)
        self._events += 1
        if self._style.comments and self._events % 4 == 2:
            await self.raw(b": keep-alive" + newline * 2)
        await self.raw(b"data: " + payload + newline * 2)

    async def raw(self, data: bytes) -> None:
        """Bytes of the body that are no event of ours, framed in the same style."""
        if self._style.framing is Framing.JOINED:
            self._pending.append(data)
            if len(self._pending) >= _JOINED_EVENTS:
                await self.flush()
        elif self._style.framing is Framing.SPLIT:
            for start in range(0, len(data), _SPLIT_BYTES):
                await self._exchange.chunk(data[start : start + _SPLIT_BYTES])
                await asyncio.sleep(0)
        else:
            await self._exchange.chunk(data)

    async def flush(self) -> None:
        """Send what waits to be joined."""
        if self._pending:
            data = b"".join(self._pending)
            self._pending.clear()
            await self._exchange.chunk(data)
