"""What an answer consists of: deltas with their times, an end, a fault, a style on the wire."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from sandbox.parallax.wire import JsonObject

__all__ = ["Delta", "Fault", "FaultKind", "Framing", "ReasoningStyle", "Script", "WireStyle", "deltas_of"]


class FaultKind(StrEnum):
    """How an answer can go wrong. `@n` faults strike after n tokens."""

    HTTP_500 = "http500"
    """The worker's front answers 500: bare JSON in a 200 stream, a real status otherwise (50, 56)."""
    HTTP_400 = "http400"
    """The worker's front answers 400, context too long (51, 57)."""
    HTTP_429 = "http429"
    """The scheduler answers 429 at once instead of after 96 s."""
    HTTP_503 = "http503"
    """The scheduler answers 503 `routing_not_ready` at once."""
    HTTP_502 = "http502"
    """The scheduler answers 502 `upstream_error` at once."""
    CLOSE = "close"
    """@n: the worker drops the connection: the 502 envelope slips into the stream (52)."""
    SSE_ERROR = "sse_error"
    """@n: the engine dies: `data: {"error": …}` and then `[DONE]` (53)."""
    SPLIT_UTF8 = "split_utf8"
    """@n: a character cut in two makes the scheduler drop the connection without the last chunk (54)."""
    STALL = "stall"
    """@n: silence, without an end for 600 s (55)."""
    EXIT = "exit"
    """@n: the worker's front crashes, as `crash_front` (80)."""
    STAGE_LOST = "stage_lost"
    """@n: a later stage of the pipeline stops: silence for 54 s, then the 502 envelope."""
    RESET = "reset"
    """@n: a TCP reset."""
    EOF = "eof"
    """@n: a proper end of the body without `finish_reason` and `[DONE]`: a truncation."""
    NO_DONE = "no_done"
    """All tokens and the `finish_reason`, then a proper end without `[DONE]`."""
    NO_FINISH = "no_finish"
    """All tokens and `[DONE]`, but no `finish_reason`."""
    GARBAGE = "garbage"
    """@n: an event that is not JSON, then the stream goes on."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault and the number of tokens sent before it."""

    kind: FaultKind
    after: int = 0

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """Read `kind` or `kind@n`, as in `[[fault:close@10]]`. Raises ValueError for an unknown kind."""
        kind, _, after = text.partition("@")
        return cls(FaultKind(kind.strip()), int(after) if after else 0)


@dataclass(frozen=True, slots=True)
class Delta:
    """One token. `delay` is the scheduler seconds since the token before; None follows the double's speed."""

    text: str
    reasoning: bool = False
    delay: float | None = None
    tool_call: JsonObject | None = None
    """A piece of a tool call, in place of `text`."""

    @classmethod
    def of(cls, token: "str | tuple[str, float] | Delta") -> "Delta":
        """A token of content from a text, or from a text and its delay."""
        if isinstance(token, Delta):
            return token
        return cls(token) if isinstance(token, str) else cls(token[0], delay=token[1])


@dataclass(frozen=True, slots=True)
class Script:
    """An exact answer.

    `delay` is the scheduler seconds before the first token (None: the double's own);
    `prompt_tokens` overrides the count of the usage event. While `held` is not set, the node reads the prompt: the
    delay begins when it is, so that many answers can begin together.
    """

    deltas: tuple[Delta, ...]
    finish: str = "stop"
    fault: Fault | None = None
    delay: float | None = None
    prompt_tokens: int | None = None
    held: asyncio.Event | None = None

    def limited(self, max_tokens: int | None) -> "Script":
        """This answer, ended with `length` when it has more than `max_tokens` tokens."""
        if max_tokens is None or len(self.deltas) <= max_tokens:
            return self
        return replace(self, deltas=self.deltas[:max_tokens], finish="length")


class ReasoningStyle(StrEnum):
    """Where reasoning goes on the wire."""

    FIELD = "reasoning"
    CONTENT_FIELD = "reasoning_content"
    TAGS = "think"
    """`<think>` tags inside the content, each tag one token."""
    SPLIT_TAGS = "think_split"
    """The same, the tags themselves cut over several tokens."""


class Framing(StrEnum):
    """How events are laid into chunks."""

    EVENT = "event"
    """One event, one chunk (as recorded)."""
    JOINED = "joined"
    """Several events in one chunk."""
    SPLIT = "split"
    """Chunks of 7 bytes: events, and characters, are cut anywhere."""


@dataclass(frozen=True, slots=True)
class WireStyle:
    """Ways in which other engines write the same stream. The default is what was recorded."""

    reasoning: ReasoningStyle = ReasoningStyle.FIELD
    framing: Framing = Framing.EVENT
    crlf: bool = False
    comments: bool = False
    prompt_echo: bool = False
    """An answer that ends without a token begins with the decoded prompt (recordings 131, 136, 137)."""
    vllm_rs: bool = False
    """As the real worker's front writes (recordings 100 to 139): `prompt_echo`, `stop_reason`, the end token in
    the usage, an engine's failure as `Internal server error` without `param`."""

    def with_option(self, name: str) -> "WireStyle":
        """This style with one more option: a reasoning style, a framing, `crlf`, `comments`, `prompt_echo` or
        `vllm_rs`.

        Raises ValueError for another name.
        """
        flags = {
            "crlf": replace(self, crlf=True),
            "comments": replace(self, comments=True),
            "prompt_echo": replace(self, prompt_echo=True),
            "vllm_rs": replace(self, vllm_rs=True, prompt_echo=True),
        }
        if name in flags:
            return flags[name]
        if name in set(Framing):
            return replace(self, framing=Framing(name))
        return replace(self, reasoning=ReasoningStyle(name))


_TAGS: Final = {
    ReasoningStyle.TAGS: (("<think>\n",), ("\n</think>\n\n",)),
    ReasoningStyle.SPLIT_TAGS: (("<th", "ink", ">\n"), ("\n<", "/thi", "nk>", "\n\n")),
}


def deltas_of(script: Script, style: ReasoningStyle) -> list[Delta]:
    """The script's tokens as they go out: with `<think>` tags all of them are content."""
    tags = _TAGS.get(style)
    if tags is None or not any(delta.reasoning for delta in script.deltas):
        return list(script.deltas)
    opening, closing = tags
    thought = [replace(delta, reasoning=False) for delta in script.deltas if delta.reasoning]
    said = [delta for delta in script.deltas if not delta.reasoning]
    return [*_plain(opening), *thought, *_plain(closing), *said]


def _plain(texts: Sequence[str]) -> list[Delta]:
    return [Delta(text) for text in texts]
