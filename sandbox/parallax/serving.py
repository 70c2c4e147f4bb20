"""Log each request to the scheduler and pass it on: to a recording, the chat, or another endpoint."""

import asyncio
from typing import Final

from aiohttp import web

from sandbox.parallax.chat import Chat
from sandbox.parallax.clock import Changes, ScaledClock
from sandbox.parallax.endpoints import Endpoints
from sandbox.parallax.exchange import Exchange
from sandbox.parallax.gate import Gate
from sandbox.parallax.log import Call
from sandbox.parallax.recording import Recording
from sandbox.parallax.replay import Replays, replay
from sandbox.parallax.tasks import Tasks

CHAT_PATH: Final = "/v1/chat/completions"


class Serving:
    """Logs every request and passes it to the part that answers it."""

    def __init__(
        self,
        *,
        clock: ScaledClock,
        gate: Gate,
        changes: Changes,
        tasks: Tasks,
        chat: Chat,
        endpoints: Endpoints,
    ) -> None:
        self._clock = clock
        self._gate = gate
        self._changes = changes
        self._tasks = tasks
        self._chat = chat
        self._endpoints = endpoints
        self.calls: list[Call] = []
        self.replays = Replays()

    async def answer(self, exchange: Exchange, body: bytes) -> web.StreamResponse:
        """Answer one request; when its client leaves, the answering part is told and goes on."""
        call = Call(exchange.method, exchange.path, self._clock.now(), body)
        self.calls.append(call)
        self._changes.notify()
        task = self._tasks.start(self._serve(exchange, call), f"{call.method} {call.path}")
        try:
            await asyncio.shield(task)
        finally:
            call.status = exchange.status
            if not task.done():
                exchange.client_left()
        return exchange.response()

    async def _serve(self, exchange: Exchange, call: Call) -> None:
        await self._gate.passed()
        found = self.replays.take(call.method, call.path)
        if found is not None:
            await self._replay(exchange, call, found)
        elif (call.method, call.path) == ("POST", CHAT_PATH):
            await self._chat.serve(exchange, call.body)
        else:
            await self._endpoints.serve(exchange, call.body)

    async def _replay(self, exchange: Exchange, call: Call, found: Recording) -> None:
        if call.path != CHAT_PATH:
            await replay(exchange, found, self._clock)
            return
        record = self._chat.open_record(exchange, call.body)
        try:
            await replay(exchange, found, self._clock)
            record.status = exchange.status
            record.end("replayed", self._clock.now())
        finally:
            record.end("lost", self._clock.now())
            self._changes.notify()
