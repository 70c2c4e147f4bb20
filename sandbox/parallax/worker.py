"""The worker's side of a chat: sends the tokens in time, applies faults, notices a client that left."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from sandbox.parallax import wire
from sandbox.parallax.answers import Answer
from sandbox.parallax.clock import ScaledClock
from sandbox.parallax.exchange import Exchange
from sandbox.parallax.log import ChatRecord
from sandbox.parallax.nodes import Node
from sandbox.parallax.script import Delta, Fault, FaultKind
from sandbox.parallax.sse import ChunkBuilder, EventWriter

__all__ = ["ABANDONED_STREAM_SECONDS", "Worker"]

ABANDONED_STREAM_SECONDS: Final = 0.4
"""How long a worker goes on after a client hung up while tokens flowed (less than 0.5 s was seen)."""
STALL_SECONDS: Final = 600.0
"""When the worker's RPC handler gives up a silent stream (from source; recording 55 saw 300 s of it)."""
SPLIT_SECONDS: Final = 0.045
STAGE_LOST_SECONDS: Final = 54.0
"""The silence of a stream whose later stage was stopped, before its 502 (seen with the real worker)."""

_FRONT_ERRORS: Final = {
    FaultKind.HTTP_500: (500, wire.ENGINE_UNAVAILABLE),
    FaultKind.HTTP_400: (400, wire.CONTEXT_TOO_LONG),
}
_UNFINISHED: Final = frozenset({FaultKind.NO_DONE, FaultKind.NO_FINISH})
_BROKEN: Final = frozenset({FaultKind.CLOSE, FaultKind.EXIT, FaultKind.STAGE_LOST})


@dataclass(slots=True)
class Worker:
    """Answers one dispatched request on one node; what goes wrong is shown to the client, never raised."""

    clock: ScaledClock
    exchange: Exchange
    record: ChatRecord
    node: Node
    answer: Answer
    chunks: ChunkBuilder
    speed: Callable[[], float]
    """The double's present speed in tokens per scheduler second."""
    first_token_delay: float
    """Scheduler seconds between the headers and the first token."""
    changed: Callable[[], None]
    _due: float = 0.0
    _sent: int = 0
    _struck: bool = False
    _writer: EventWriter = field(init=False)

    def __post_init__(self) -> None:
        self._writer = EventWriter(self.exchange, self.answer.style)

    # With stream

    async def stream(self) -> None:
        """Answer with a 200 stream, up to its end or its fault."""
        await self.exchange.start(200, wire.EVENT_STREAM)
        self.record.headers_at = self.clock.now()
        self.record.status = 200
        self.changed()
        if not self.node.alive:
            await self.clock.sleep(2.0)
            await self._cut("lost")
            return
        await self._first_wait()
        if not self.node.front_alive:
            await self._break_off(FaultKind.EXIT)
            return
        fault = self.answer.script.fault
        refusal = self._refusal(fault)
        if refusal is not None:
            await self._end_with(wire.compact(refusal[1]), self._fault_name(fault))
            return
        await self._writer.event(self.chunks.role())
        await self._send_prompt_back(fault)
        if await self._tokens(fault):
            await self._finish(fault)

    async def _send_prompt_back(self, fault: Fault | None) -> None:
        """Send the decoded prompt as first content, as the front does when it has no token to show."""
        fails_first = fault is not None and fault.kind is FaultKind.SSE_ERROR and fault.after == 0
        if self.answer.decoded_prompt and (fails_first or not self.answer.script.deltas):
            await self._writer.event(self.chunks.token(Delta(self.answer.decoded_prompt)))

    async def _tokens(self, fault: Fault | None) -> bool:
        """Send the tokens; False when the answer has ended before them."""
        for delta in self.answer.script.deltas:
            if fault is not None and self._sent == fault.after and await self._strike(fault.kind):
                return False
            await self._wait_for(delta)
            if self.exchange.gone:
                await self._abandoned()
                return False
            if not self.node.front_alive:
                await self._break_off(FaultKind.EXIT)
                return False
            await self._writer.event(self.chunks.token(delta))
            self._sent += 1
            self.record.note_token(self.clock.now(), "" if delta.reasoning else delta.text)
            self.changed()
        return not (fault is not None and self._sent == fault.after and await self._strike(fault.kind))

    async def _finish(self, fault: Fault | None) -> None:
        kind = fault.kind if fault else None
        script = self.answer.script
        if kind is not FaultKind.NO_FINISH:
            await self._writer.event(self.chunks.finish(script.finish))
        if self.answer.include_usage:
            # of an answer without a visible token the end token is counted (recording 137)
            counts_end = self.answer.style.vllm_rs and script.finish != "length"
            counted = self._sent + int(counts_end) if self._sent else int(bool(self.answer.decoded_prompt))
            await self._writer.event(self.chunks.usage(self.answer.prompt_tokens, counted))
        if kind is not FaultKind.NO_DONE:
            await self._writer.event("[DONE]")
        await self._writer.flush()
        await self.exchange.end()
        self._ended(self._fault_name(fault) if kind in _UNFINISHED or self._struck else "completed")

    async def _strike(self, kind: FaultKind) -> bool:
        """Apply a fault; returns whether it has ended the answer."""
        strikes: dict[FaultKind, Callable[[], Awaitable[None]]] = {
            FaultKind.CLOSE: lambda: self._break_off(FaultKind.CLOSE),
            FaultKind.EXIT: self._crash,
            FaultKind.SSE_ERROR: self._engine_dies,
            FaultKind.SPLIT_UTF8: lambda: self._cut_after(SPLIT_SECONDS, FaultKind.SPLIT_UTF8),
            FaultKind.STALL: lambda: self._cut_after(STALL_SECONDS, FaultKind.STALL),
            FaultKind.STAGE_LOST: self._lose_stage,
            FaultKind.RESET: self._reset,
            FaultKind.EOF: lambda: self._end_with(b"", f"fault:{FaultKind.EOF}"),
        }
        if kind is FaultKind.GARBAGE:
            self._struck = True
            await self._writer.event('{"id": "chatcmpl-')
            return False
        strike = strikes.get(kind)
        if strike is None:
            return False
        await self._writer.flush()
        await strike()
        return True

    async def _crash(self) -> None:
        self.node.front_alive = False
        await self._break_off(FaultKind.EXIT)

    async def _break_off(self, kind: FaultKind) -> None:
        await self._end_with(wire.envelope(502, wire.UPSTREAM), f"fault:{kind}")

    async def _engine_dies(self) -> None:
        await self._writer.event(self._engine_error())
        await self._writer.event("[DONE]")
        await self._end_with(b"", f"fault:{FaultKind.SSE_ERROR}")

    async def _cut_after(self, seconds: float, kind: FaultKind) -> None:
        await self.clock.sleep(seconds)
        await self._cut(f"fault:{kind}")

    async def _lose_stage(self) -> None:
        await self.clock.sleep(STAGE_LOST_SECONDS)
        await self._break_off(FaultKind.STAGE_LOST)

    async def _reset(self) -> None:
        await self.exchange.reset()
        self._ended(f"fault:{FaultKind.RESET}")

    async def _abandoned(self) -> None:
        await self.clock.sleep(ABANDONED_STREAM_SECONDS)
        self._ended("hung_up")

    async def _end_with(self, data: bytes, outcome: str) -> None:
        if data:
            await self._writer.raw(data)
        await self._writer.flush()
        await self.exchange.end()
        self._ended(outcome)

    async def _cut(self, outcome: str) -> None:
        await self.exchange.cut()
        self._ended(outcome)

    # Without stream

    async def whole(self) -> None:
        """One JSON answer after all tokens' time; a client that leaves is not noticed."""
        await self._first_wait()
        failure = self._whole_failure()
        script = self.answer.script
        if failure is None:
            for delta in script.deltas:
                await self._wait_for(delta)
                self._sent += 1
            if script.fault is not None and script.fault.kind is FaultKind.STALL:
                await self.clock.sleep(STALL_SECONDS)
            failure = self._whole_failure()
        if failure is None:
            await self._answer_whole(200, self._complete(), "completed")
        else:
            status, body, outcome = failure
            await self._answer_whole(status, body, outcome)

    def _whole_failure(self) -> tuple[int, wire.JsonObject, str] | None:
        fault = self.answer.script.fault
        refusal = self._refusal(fault)
        if refusal is not None:
            return (*refusal, self._fault_name(fault))
        if fault is not None and fault.kind is FaultKind.EXIT:
            self.node.front_alive = False
        if not self.node.front_alive:
            return (502, wire.UPSTREAM, f"fault:{FaultKind.EXIT}")
        if fault is not None and fault.kind in _BROKEN:
            return (502, wire.UPSTREAM, self._fault_name(fault))
        if fault is not None and fault.kind is FaultKind.SSE_ERROR:
            return (500, self._engine_error(), self._fault_name(fault))
        return None

    def _engine_error(self) -> wire.JsonObject:
        return wire.INTERNAL if self.answer.style.vllm_rs else wire.ENGINE_DEAD

    def _complete(self) -> wire.JsonObject:
        script = self.answer.script
        text = "".join(delta.text for delta in script.deltas if not delta.reasoning)
        reasoning = "".join(delta.text for delta in script.deltas if delta.reasoning)
        now = self.clock.now()
        for delta in script.deltas:
            self.record.note_token(now, "" if delta.reasoning else delta.text)
        return self.chunks.whole(
            text=text,
            reasoning=reasoning or None,
            finish=script.finish,
            prompt=self.answer.prompt_tokens,
            completion=len(script.deltas),
        )

    async def _answer_whole(self, status: int, body: wire.JsonObject, outcome: str) -> None:
        data = wire.compact(body)
        # a passed-on answer has its headers in another order than the scheduler's own (recordings 33, 56)
        headers = (
            ("content-type", "application/json"),
            ("content-length", str(len(data))),
            ("vary", "Origin"),
        )
        await self.exchange.answer_exactly(status, headers, data)
        self.record.headers_at = self.clock.now()
        self.record.status = status
        self._ended("hung_up" if self.exchange.gone else outcome)

    # Both

    def _refusal(self, fault: Fault | None) -> tuple[int, wire.JsonObject] | None:
        """What the worker's front answers instead of tokens."""
        if "messages" not in self.record.body:
            return (400, wire.MISSING_MESSAGES)
        if self.answer.refusal is not None:
            return (400, self.answer.refusal)
        return None if fault is None else _FRONT_ERRORS.get(fault.kind)

    @staticmethod
    def _fault_name(fault: Fault | None) -> str:
        return "rejected" if fault is None else f"fault:{fault.kind}"

    async def _first_wait(self) -> None:
        delay, held = self.answer.script.delay, self.answer.script.held
        if held is not None:
            await held.wait()
        self._due = self.clock.after(self.clock.now(), self.first_token_delay if delay is None else delay)
        await self.clock.sleep_until(self._due)

    async def _wait_for(self, delta: Delta) -> None:
        """Wait until a token is due: measured from the token before, so that lateness does not add up."""
        if delta.delay is not None:
            pause = delta.delay
        else:
            pause = 1 / (self.answer.speed or self.speed()) if self._sent else 0.0
        self._due = self.clock.after(self._due, pause)
        await self.clock.sleep_until(self._due)

    def _ended(self, outcome: str) -> None:
        self.record.end(outcome, self.clock.now())
        self.changed()
