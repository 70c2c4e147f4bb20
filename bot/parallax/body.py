"""The body of a response, read in small parts with pauses for other tasks."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from bot.clock import Clock
from bot.parallax.alarm import Alarm
from bot.parallax.errors import after_headers
from bot.parallax.transport import BODY, EventStreamBody

SLICE = 8 * 1024
"""Bytes that are processed without a pause: about 10 ms of work when they consist of the smallest events."""

_PER_CHUNK = SLICE // 64
"""The fixed cost of a chunk from the network, in bytes of work: the network layers take about this long for it."""


class Body:
    """Gives the body of a response in parts of at most :data:`SLICE` bytes.

    While bytes are available, reading never waits, so other tasks would not run: after every :data:`SLICE` bytes
    they get a turn. It is a class and not a generator, so that leaving it early needs no garbage collector.
    """

    def __init__(self, response: httpx.Response, clock: Clock, *, hurry: Callable[[], bool] | None = None) -> None:
        """``hurry`` as in :class:`Alarm`."""
        body = response.extensions.get(BODY)
        self._events = body if isinstance(body, EventStreamBody) else None
        self._chunks = response.aiter_raw()
        self._clock = clock
        self._alarm = Alarm(hurry)
        self._chunk = b""
        self._work = 0

    async def part(self, until: float | None = None) -> bytes:
        """The next part; empty at the end of the body. Raises TimeoutError when none came ``until`` then (time of
        the event loop), and :class:`bot.errors.StreamInterrupted` when the connection breaks."""
        if self._work >= SLICE:
            self._work = 0
            await self._clock.sleep(0)
        try:
            while not self._chunk:
                with self._alarm.set_for(until):
                    events = self._events
                    chunk = await (events.part() if events is not None else anext(self._chunks, b""))
                if not chunk:
                    return b""
                self._chunk = chunk
                self._work += _PER_CHUNK
        except httpx.HTTPError as exc:
            raise after_headers(exc) from exc
        part = self._chunk
        if len(part) > SLICE:
            part, self._chunk = part[:SLICE], part[SLICE:]
        else:
            self._chunk = b""
        self._work += len(part)
        return part

    async def finish(self, within: float) -> None:
        """Let the connection be used again, if no more than the end of the body comes, ``within`` seconds."""
        if self._events is not None and not self._chunk:
            await self._events.finish(within)

    async def aclose(self) -> None:
        """Stop reading."""
        self._alarm.stop()
        close = getattr(self._chunks, "aclose", None)
        if close is not None:
            await close()
