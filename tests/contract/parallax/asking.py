"""Helpers that ask a server as a service does and keep all events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.clock import SystemClock
from bot.domain.chat import ChatMessage, ChatRequest, Finish, Reasoning, Role, StreamEvent, Text
from bot.domain.scheduler import Scheduler
from bot.domain.status import ClusterStatus
from bot.errors import SchedulerError
from bot.parallax.client import ParallaxClient
from bot.parallax.timeouts import Timeouts

HELLO = ChatRequest(messages=(ChatMessage(Role.USER, "hello"),))
PATIENT = Timeouts(connect=2.0, first_byte=5.0, idle=5.0, control=5.0)
IMPATIENT = Timeouts(connect=2.0, first_byte=0.25, idle=0.25, control=0.25)


@asynccontextmanager
async def client(url: str, timeouts: Timeouts = PATIENT) -> AsyncIterator[ParallaxClient]:
    """A client that is closed at the end."""
    made = ParallaxClient(url, timeouts=timeouts, clock=SystemClock())
    try:
        yield made
    finally:
        await made.aclose()


@dataclass(slots=True)
class Heard:
    """The events of an answer and the error that ended it."""

    events: list[StreamEvent] = field(default_factory=list)
    error: SchedulerError | None = None

    @property
    def text(self) -> str:
        """The answer."""
        return "".join(event.text for event in self.events if isinstance(event, Text))

    @property
    def reasoning(self) -> str:
        """The thinking."""
        return "".join(event.text for event in self.events if isinstance(event, Reasoning))

    @property
    def finish(self) -> Finish:
        """The end, which must be the last event and the only one of its kind."""
        last = self.events[-1]
        assert isinstance(last, Finish), f"ended by {last} and {self.error!r}"
        assert not any(isinstance(event, Finish) for event in self.events[:-1])
        assert self.error is None
        return last


async def ask(scheduler: Scheduler, request: ChatRequest = HELLO) -> Heard:
    """Ask and keep all events and the error."""
    heard = Heard()
    try:
        async with scheduler.stream_chat(request) as events:
            async for event in events:
                heard.events.append(event)
    except SchedulerError as exc:
        heard.error = exc
    return heard


async def watch(scheduler: Scheduler) -> tuple[list[ClusterStatus], SchedulerError | None]:
    """All reports of the status stream and how it ended."""
    heard: list[ClusterStatus] = []
    try:
        async with scheduler.watch_status() as reports:
            async for report in reports:
                heard.append(report)  # noqa: PERF401  # a comprehension would lose them at the error
    except SchedulerError as exc:
        return heard, exc
    return heard, None
