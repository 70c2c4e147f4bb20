"""The iterators that a caller reads a response through: the network and the clock around pure readers.

They are classes and not generators, so that leaving one early leaves nothing to the garbage collector.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

import httpx
import structlog

from bot.clock import Clock
from bot.errors import SchedulerError
from bot.inference import ClusterStatus, Started, StreamEvent
from bot.scheduler import wire
from bot.scheduler.answer import AnswerReader
from bot.scheduler.failures import after_headers, interrupted
from bot.scheduler.lines import LineLimitError, LineReader
from bot.scheduler.timeouts import Timeouts
from bot.scheduler.untrusted import parse_json, printable

_log = structlog.get_logger(__name__)


class Replay(AsyncIterator[StreamEvent]):
    """Events that are all there already."""

    def __init__(self, events: list[StreamEvent]) -> None:
        self._events = iter(events)

    async def __anext__(self) -> StreamEvent:
        for event in self._events:
            return event
        raise StopAsyncIteration


class AnswerStream(AsyncIterator[StreamEvent]):
    """Events of a streamed answer."""

    def __init__(
        self,
        response: httpx.Response,
        reader: AnswerReader,
        started: Started,
        timeouts: Timeouts,
        clock: Clock,
    ) -> None:
        self._chunks = response.aiter_bytes()
        self._reader = reader
        self._timeouts = timeouts
        self._clock = clock
        self._ready: deque[StreamEvent] = deque([started])
        self._raised = False
        self._closed = False
        self._extend(timeouts.first_byte)

    async def __anext__(self) -> StreamEvent:
        while not self._ready:
            if self._closed or self._raised or self._reader.done:
                raise StopAsyncIteration
            if self._reader.failure is not None:
                self._raised = True
                raise self._reader.failure
            await self._read()
        return self._ready.popleft()

    async def aclose(self) -> None:
        """Read no further."""
        self._closed = True
        await _close_generator(self._chunks)

    def _extend(self, seconds: float) -> None:
        self._limit = seconds
        self._deadline = asyncio.get_running_loop().time() + seconds

    async def _read(self) -> None:
        reader, now = self._reader, self._clock.monotonic
        before = reader.data_events
        try:
            async with asyncio.timeout_at(self._deadline):
                chunk = await anext(self._chunks, None)
        except TimeoutError:
            self._ready.extend(reader.stalled(self._limit, now()))
            return
        except httpx.HTTPError as exc:
            failure = after_headers(exc)
            failure.__cause__ = exc
            self._ready.extend(reader.broken(failure, now()))
            return
        self._ready.extend(reader.close(now()) if chunk is None else reader.feed(chunk, now()))
        if reader.data_events > before:
            idle = self._timeouts.idle
            self._extend(min(idle, self._timeouts.control) if reader.complete else idle)


class StatusStream(AsyncIterator[ClusterStatus]):
    """Reports of the status stream."""

    def __init__(self, response: httpx.Response, silence: float) -> None:
        self._chunks = response.aiter_bytes()
        self._lines = LineReader()
        self._ready: deque[ClusterStatus] = deque()
        self._silence = silence
        self._failure: SchedulerError | None = None
        self._closed = False

    async def __anext__(self) -> ClusterStatus:
        deadline = asyncio.get_running_loop().time() + self._silence
        while not self._ready:
            if self._closed:
                raise StopAsyncIteration
            if self._failure is not None:
                self._closed = True
                raise self._failure
            await self._read(deadline)
        return self._ready.popleft()

    async def aclose(self) -> None:
        """Read no further."""
        self._closed = True
        await _close_generator(self._chunks)

    async def _read(self, deadline: float) -> None:
        try:
            async with asyncio.timeout_at(deadline):
                chunk = await anext(self._chunks, None)
            lines = self._lines.feed(chunk) if chunk is not None else [self._lines.close()[0]]
        except TimeoutError:
            self._failure = interrupted(f"no readable status for {self._silence:g} s", "stall")
            return
        except httpx.HTTPError as exc:
            self._failure = after_headers(exc)
            self._failure.__cause__ = exc
            return
        except LineLimitError as exc:
            self._failure = interrupted(str(exc), "malformed")
            return
        for line in lines:
            self._take(line)
        if chunk is None:
            self._failure = interrupted("the status stream ended", "ended")

    def _take(self, line: str) -> None:
        if not line.strip():
            return
        try:
            self._ready.append(wire.read_status(parse_json(line)))
        except ValueError as exc:
            _log.warning("status_line_unreadable", why=str(exc), line=printable(line, 200))


async def _close_generator(chunks: AsyncIterator[bytes]) -> None:
    close = getattr(chunks, "aclose", None)
    if close is not None:
        await close()
