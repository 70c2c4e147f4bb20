"""`POST /v1/chat/completions`: the checks, the routing with its waits, and the hand-over to a worker.

The order and the numbers are those of the recordings: 06 to 09 (checks), 41 and 42 (the freeze), 34, 40 and
92 (routing: 20 attempts, 5 s apart, 50 ms each, one at a time), 86 (a dead node without stream).
"""

import json
import uuid
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from sandbox.parallax import wire
from sandbox.parallax.answers import AnswerOptions, compose
from sandbox.parallax.clock import ScaledClock
from sandbox.parallax.cluster import Cluster
from sandbox.parallax.directives import Directives, as_messages, question_of
from sandbox.parallax.exchange import Exchange
from sandbox.parallax.gate import Gate
from sandbox.parallax.log import ChatRecord
from sandbox.parallax.nodes import Node
from sandbox.parallax.script import FaultKind, Script
from sandbox.parallax.sse import ChunkBuilder
from sandbox.parallax.wire import JsonObject
from sandbox.parallax.worker import Worker

__all__ = ["Chat", "ChatOptions"]

ATTEMPTS: Final = 20
RETRY_SECONDS: Final = 5.0
NOT_READY_SECONDS: Final = 5.0
DEAD_NODE_SECONDS: Final = 36.4
"""How long a request without stream hangs on a dead node before routing is tried again (recording 86)."""

_AT_ONCE: Final = {
    FaultKind.HTTP_429: (429, wire.BUSY),
    FaultKind.HTTP_503: (503, wire.ROUTING_NOT_READY),
    FaultKind.HTTP_502: (502, wire.UPSTREAM),
}


@dataclass(slots=True)
class ChatOptions:
    """Speeds; may be changed while the double runs."""

    tokens_per_second: float = 40.0
    """Of each stream, in tokens per scheduler second."""
    routing_cost: float = 0.05
    """Scheduler seconds that one routing attempt takes; attempts take turns."""
    first_token_delay: float = 0.03
    """Scheduler seconds from the headers to the first token, on an idle node."""


@dataclass(frozen=True, slots=True)
class _Queued:
    script: Script
    match: str | None


class Chat:
    """Serves chat requests. Every request is in `requests` from its arrival on."""

    def __init__(
        self,
        *,
        clock: ScaledClock,
        gate: Gate,
        cluster: Cluster,
        changed: Callable[[], None],
        options: ChatOptions,
        answers: AnswerOptions,
    ) -> None:
        self.options = options
        self.answers = answers
        self.requests: list[ChatRecord] = []
        self.documented = False
        self._clock = clock
        self._gate = gate
        self._cluster = cluster
        self._changed = changed
        self._scripts: deque[_Queued] = deque()
        self._routing_free_at = 0.0

    def queue(self, script: Script, match: str | None) -> None:
        """Let the next request (whose question contains `match`) be answered with `script`."""
        self._scripts.append(_Queued(script, match))

    def open_record(self, exchange: Exchange, body: bytes) -> ChatRecord:
        """Begin the record of a request; a client that leaves is noted in it."""
        record = ChatRecord(id=f"chatcmpl-{uuid.uuid4()}", arrived_at=self._clock.now())
        with suppress(ValueError):
            request = json.loads(body)
            if isinstance(request, dict):
                record.body = request
                record.streamed = bool(request.get("stream"))
        self.requests.append(record)

        def left() -> None:
            if record.outcome == "open":
                record.hung_up_at = self._clock.now()
                self._changed()

        exchange.on_gone(left)
        self._changed()
        return record

    async def serve(self, exchange: Exchange, body: bytes) -> None:
        """Answer one request."""
        record = self.open_record(exchange, body)
        try:
            await self._serve(exchange, record, body)
        finally:
            record.end("lost", self._clock.now())
            self._changed()

    async def _serve(self, exchange: Exchange, record: ChatRecord, body: bytes) -> None:
        try:
            request: JsonObject | None = json.loads(body)
        except ValueError:
            await self._reject(exchange, record, 400, wire.INVALID_BODY)
            return
        if not isinstance(request, dict):
            await self._reject(exchange, record, 400, wire.NOT_AN_OBJECT)
            return
        if not self._cluster.available:
            await self._reject(exchange, record, 503, wire.SERVER_NOT_READY)
            return
        refused = self._refused_at_once(request)
        if refused is not None:
            await self._reject(exchange, record, *refused)
            return
        node = await self._route(exchange, record)
        if node is None:
            return
        try:
            await self._work(exchange, record, node)
        finally:
            self._cluster.release(node)

    async def _route(self, exchange: Exchange, record: ChatRecord) -> Node | None:
        """A node with a free slot. None when the request has been answered with an error instead.

        The client is not looked at: one that has left is still dispatched, and counted, later.
        """
        due = self._clock.now()
        for attempt in range(ATTEMPTS):
            if attempt:
                due = self._clock.after(due, RETRY_SECONDS)
                await self._clock.sleep_until(due)
            if self._gate.reasons:
                await self._gate.passed()
                due = self._clock.now()
            if not self._cluster.usable():
                await self._not_ready(exchange, record)
                return None
            due = self._take_turn(due)
            await self._clock.sleep_until(due)
            node = self._cluster.dispatch()
            if node is not None:
                record.dispatched_at = self._clock.now()
                record.node = node.name
                self._changed()
                return node
        await self._reject(exchange, record, 429, wire.BUSY)
        return None

    def _take_turn(self, due: float) -> float:
        """When an attempt that begins at `due` is through: they share one event loop, one after the other.

        Reckoned in instants instead of held as a lock, so that lateness of this machine does not add up.
        """
        self._routing_free_at = self._clock.after(max(due, self._routing_free_at), self.options.routing_cost)
        return self._routing_free_at

    async def _work(self, exchange: Exchange, record: ChatRecord, node: Node) -> None:
        request = record.body
        model = self._cluster.model or ""
        try:
            answer = compose(
                request,
                script=self._take(request),
                model=model,
                options=self.answers,
                continues=not self.documented,
            )
        except ValueError:
            await self._reject(exchange, record, 400, wire.INVALID_BODY)
            return
        record.prompt_tokens = answer.prompt_tokens
        worker = Worker(
            clock=self._clock,
            exchange=exchange,
            record=record,
            node=node,
            answer=answer,
            chunks=ChunkBuilder(record.id, self._clock.wall(), model, answer.style),
            speed=lambda: self.options.tokens_per_second,
            first_token_delay=self.options.first_token_delay,
            changed=self._changed,
        )
        if record.streamed:
            await worker.stream()
        elif node.alive:
            await worker.whole()
        else:
            await self._clock.sleep(DEAD_NODE_SECONDS)
            await self._not_ready(exchange, record)

    async def _not_ready(self, exchange: Exchange, record: ChatRecord) -> None:
        await self._gate.block(self._clock, NOT_READY_SECONDS, f"routing {record.id}")
        await self._reject(exchange, record, 503, wire.ROUTING_NOT_READY)

    async def _reject(self, exchange: Exchange, record: ChatRecord, status: int, body: JsonObject) -> None:
        await exchange.json(status, self._worded(body))
        record.status = status
        record.headers_at = self._clock.now()
        record.end("rejected", record.headers_at)
        self._changed()

    def _worded(self, body: JsonObject) -> JsonObject:
        """The documented dialect's errors are a plain sentence."""
        details = body.get("error")
        if self.documented and isinstance(details, dict):
            return {"error": details.get("message")}
        return body

    def _refused_at_once(self, request: JsonObject) -> tuple[int, JsonObject] | None:
        question = question_of(as_messages(request.get("messages")))
        queued = self._next_for(question)
        fault = queued.script.fault if queued else Directives.read(question).fault
        refusal = _AT_ONCE.get(fault.kind) if fault else None
        if refusal is not None and queued is not None:
            self._scripts.remove(queued)
        return refusal

    def _take(self, request: JsonObject) -> Script | None:
        queued = self._next_for(question_of(as_messages(request.get("messages"))))
        if queued is None:
            return None
        self._scripts.remove(queued)
        return queued.script

    def _next_for(self, question: str) -> _Queued | None:
        for queued in self._scripts:
            if queued.match is None or queued.match in question:
                return queued
        return None
