"""A scheduler whose answers are written by the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.domain.chat import AnswerStats, ChatRequest, Finish, FinishReason, Started, StreamEvent, Text
from bot.domain.status import ClusterState, ClusterStatus, JoinCommand, Model, Node, NodeState
from bot.errors import SchedulerError
from bot.tasks.demand import Demand

MODEL = "a-lab/a-model"


def ready(capacity: int | None) -> ClusterStatus:
    """The report of a cluster that takes ``capacity`` questions at once (None: not reported)."""
    return ClusterStatus(
        state=ClusterState.AVAILABLE,
        model=MODEL,
        init_nodes=1,
        nodes=(Node("node", NodeState.AVAILABLE),),
        need_more_nodes=False,
        join=None,
        capacity=capacity,
    )


NO_MODEL = ClusterStatus(
    state=ClusterState.WAITING,
    model=None,
    init_nodes=None,
    nodes=(),
    need_more_nodes=False,
    join=None,
    capacity=0,
)


@dataclass(eq=False)
class ScriptedStream:
    """One answer in progress; the bot sees what the test does with it."""

    request: ChatRequest
    _events: asyncio.Queue[StreamEvent | Exception] = field(default_factory=asyncio.Queue)
    closed: bool = False
    _begun: bool = False

    @property
    def question(self) -> str:
        """The question asked last."""
        return self.request.messages[-1].content

    def begin(self) -> None:
        """Let a pipeline take the question, unless one has taken it already."""
        if self._begun:
            return
        self._begun = True
        self._events.put_nowait(Started(0.0))

    def say(self, text: str) -> None:
        """Begin, unless that has happened, and send some text."""
        self._events.put_nowait(Text(text))

    def end(self, text: str = "", reason: FinishReason = FinishReason.STOP) -> None:
        """Begin, say ``text`` and complete the answer."""
        self.begin()
        if text:
            self.say(text)
        stats = AnswerStats(
            model=MODEL,
            ttft=0.1,
            duration=1.0,
            prompt_tokens=10,
            completion_tokens=5,
            tokens_per_second=5.0,
            counted=True,
        )
        self._events.put_nowait(Finish(reason, stats))

    def fail(self, error: Exception) -> None:
        """Break off with this error."""
        self._events.put_nowait(error)

    async def read(self) -> AsyncIterator[StreamEvent]:
        """The events, as the bot reads them."""
        while True:
            event = await self._events.get()
            if isinstance(event, Exception):
                raise event
            yield event


@dataclass(eq=False)
class ScriptedScheduler:
    """A :class:`bot.domain.Scheduler` of streams that stay open until the test ends them."""

    streams: list[ScriptedStream] = field(default_factory=list)
    most_open: int = 0
    _reports: asyncio.Queue[ClusterStatus | SchedulerError] = field(default_factory=asyncio.Queue)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def open(self) -> list[ScriptedStream]:
        """The streams that the bot reads now."""
        return [stream for stream in self.streams if not stream.closed]

    def report(self, status: ClusterStatus) -> None:
        """Send a status report."""
        self._reports.put_nowait(status)

    def break_off(self, error: SchedulerError) -> None:
        """End the status stream with this error; the bot will connect again."""
        self._reports.put_nowait(error)

    async def heard(self, timeout: float = 5.0) -> None:
        """Wait until the bot has read every report. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while not self._reports.empty():
                await self._change()

    async def asked(self, count: int, timeout: float = 5.0) -> ScriptedStream:
        """Wait until ``count`` questions were sent in all; returns the last of them. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while len(self.streams) < count:
                await self._change()
        return self.streams[count - 1]

    async def left(self, stream: ScriptedStream, timeout: float = 5.0) -> None:
        """Wait until the bot has closed this stream. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while not stream.closed:
                await self._change()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    @asynccontextmanager
    async def stream_chat(
        self,
        request: ChatRequest,
        *,
        demand: Demand | None = None,  # what the test sends comes at once
    ) -> AsyncIterator[AsyncIterator[StreamEvent]]:
        """Send a request, which the test answers."""
        stream = ScriptedStream(request)
        self.streams.append(stream)
        self.most_open = max(self.most_open, len(self.open))
        self._changed.set()
        events = stream.read()
        try:
            yield events
        finally:
            stream.closed = True
            self._changed.set()

    @asynccontextmanager
    async def watch_status(self) -> AsyncIterator[AsyncIterator[ClusterStatus]]:
        """Every report, and then nothing more."""

        async def reports() -> AsyncIterator[ClusterStatus]:
            while True:
                told = await self._reports.get()
                # Waiting tests go on when the bot has processed the report and waits for the next.
                self._changed.set()
                if isinstance(told, SchedulerError):
                    raise told
                yield told

        yield reports()

    async def models(self) -> tuple[Model, ...]:
        """One model."""
        return (Model(MODEL),)

    async def join_command(self) -> JoinCommand | None:
        """The command for a local network."""
        return JoinCommand("parallax join", public=False)

    async def initialise(self, model: str, nodes: int, *, local_network: bool) -> None:
        """Do nothing."""
