"""Iterators over a response: they connect the pure readers with the network and the clock.

They are classes and not generators, so that leaving one early needs no clean-up by the garbage collector.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

import httpx
import structlog

from bot.clock import Clock
from bot.domain.chat import Started, StreamEvent, Text
from bot.domain.status import ClusterStatus
from bot.errors import StreamInterrupted
from bot.parallax import bounds, wire
from bot.parallax.answer_reader import AnswerReader
from bot.parallax.body import Body
from bot.parallax.network import NetworkStream
from bot.parallax.sse import LineLimitError, LineReader
from bot.parallax.timeouts import Timeouts
from bot.parallax.untrusted import parse_json, printable
from bot.telemetry.repeats import Repeats

_log = structlog.get_logger(__name__)

UNREADABLE_SAID = 10
"""The most unreadable lines of the status that are logged in a minute. An odd scheduler sends one each second, and
one that floods sends thousands."""


class AnswerStream(AsyncIterator[StreamEvent]):
    """Events of a streamed answer.

    After a piece of text, the next ones may lie in the connection until :meth:`hurry`, the end, or until they are
    many: a reader of the events knows that there is text, and asks for it when it is about to show it. Each piece
    by itself would cost more than all else that is done with it.
    """

    def __init__(
        self,
        response: httpx.Response,
        reader: AnswerReader,
        started: Started,
        timeouts: Timeouts,
        clock: Clock,
        *,
        leisurely: bool = False,
    ) -> None:
        """``leisurely``: somebody calls :meth:`hurry` when the text is wanted; otherwise nothing lies unread."""
        connection = response.extensions.get("network_stream")
        self._connection = connection if isinstance(connection, NetworkStream) else None
        self._body = Body(response, clock, hurry=self.hurry)
        self._leisurely = leisurely
        self._hurried = False
        self._reader = reader
        self._timeouts = timeouts
        self._clock = clock
        self._ready: deque[StreamEvent] = deque([started])
        self._ended = False
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + timeouts.whole
        self._extend(timeouts.first_byte)

    async def __anext__(self) -> StreamEvent:
        while not self._ready:
            if self._ended or self._reader.done:
                raise StopAsyncIteration
            if self._reader.failure is not None:
                self._ended = True
                raise self._reader.failure
            await self._read()
        return self._ready.popleft()

    def hurry(self) -> bool:
        """Read what lies in the connection; returns whether there is anything. Then its events come in the next
        turn of the event loop. Otherwise the next piece is given as soon as it arrives."""
        self._hurried = self._connection is not None and self._connection.hurry()
        return self._hurried

    async def aclose(self) -> None:
        """Stop reading."""
        self._ended = True
        await self._body.aclose()

    async def _read(self) -> None:
        reader, now = self._reader, self._clock.monotonic
        if self._loop.time() >= self._end:
            self._ready.extend(reader.cut(f"more than {self._timeouts.whole:g} s", now()))
            return
        try:
            part = await self._body.part(min(self._deadline, self._end))
        except TimeoutError:
            if self._end < self._deadline:
                return
            silence = StreamInterrupted(f"nothing came for {self._limit:g} s", code="stall")
            self._ready.extend(reader.broken(silence, now()))
        except StreamInterrupted as failure:
            self._ready.extend(reader.broken(failure, now()))
        else:
            before = reader.progress
            events = reader.feed(part, now()) if part else reader.close(now())
            self._ready.extend(events)
            self._rest(events)
            if reader.progress > before:
                idle = self._timeouts.idle
                self._extend(min(idle, self._timeouts.control) if reader.ends_now else idle)

    def _rest(self, events: list[StreamEvent]) -> None:
        """Let the next pieces lie, if text was read that nobody had asked for."""
        hurried, self._hurried = self._hurried, False
        is_text = bool(events) and isinstance(events[-1], Text)
        if self._leisurely and is_text and not hurried and self._connection is not None:
            self._connection.take_leisure()

    def _extend(self, seconds: float) -> None:
        self._limit = seconds
        self._deadline = self._loop.time() + seconds


class StatusStream(AsyncIterator[ClusterStatus]):
    """Reports of the status stream."""

    def __init__(
        self, response: httpx.Response, silence: float, clock: Clock, reported: Callable[[ClusterStatus], None]
    ) -> None:
        """``reported`` is called with every report, before it is passed on."""
        self._reported = reported
        self._body = Body(response, clock)
        self._lines = LineReader()
        self._ready: deque[ClusterStatus] = deque()
        self._silence = silence
        self._clock = clock
        self._unreadable = Repeats(most=UNREADABLE_SAID)
        self._unreported = 0
        self._failure: StreamInterrupted | None = None
        self._ended = False

    async def __anext__(self) -> ClusterStatus:
        deadline = asyncio.get_running_loop().time() + self._silence
        while not self._ready:
            if self._ended:
                raise StopAsyncIteration
            if self._failure is not None:
                self._ended = True
                raise self._failure
            await self._read(deadline)
        return self._ready.popleft()

    async def aclose(self) -> None:
        """Stop reading."""
        self._ended = True
        await self._body.aclose()

    async def _read(self, deadline: float) -> None:
        try:
            part = await self._body.part(deadline)
        except TimeoutError:
            self._failure = StreamInterrupted(f"no readable status for {self._silence:g} s", code="stall")
        except StreamInterrupted as failure:
            self._failure = failure
        else:
            if part:
                self._feed(part)
            else:
                self._take(self._lines.close()[0])
                self._failure = StreamInterrupted("the status stream ended", code="ended")

    def _feed(self, part: bytes) -> None:
        self._unreported += len(part)
        try:
            for line in self._lines.feed(part):
                self._take(line)
        except LineLimitError as exc:
            self._failure = StreamInterrupted(str(exc), code="malformed")
        if self._unreported > bounds.UNREPORTED:
            self._failure = StreamInterrupted(f"no status in {self._unreported} bytes", code="malformed")

    def _take(self, line: str) -> None:
        if not line.strip():
            return
        try:
            status = wire.read_status(parse_json(line))
        except Exception as exc:  # noqa: BLE001  # any error of one line: the next line may be right
            self._skip(line, exc)
            return
        self._unreported = 0
        self._reported(status)
        self._ready.append(status)

    def _skip(self, line: str, exc: Exception) -> None:
        unsaid = self._unreadable.due(type(exc).__name__, self._clock.monotonic())
        if unsaid is not None:
            _log.warning(
                "status_line_unreadable",
                why=printable(str(exc), bounds.DETAIL),
                line=printable(line, bounds.NAME),
                unsaid=unsaid,
                exc_info=None if isinstance(exc, ValueError) else exc,
            )
