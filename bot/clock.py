"""The only source of time.

Everything that waits or measures takes a :class:`Clock`, so that tests decide what time it is.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from functools import partial
from typing import Protocol


class Clock(Protocol):
    """Time as the bot sees it."""

    def now(self) -> float:
        """Seconds since the epoch (UTC). For what is stored and shown."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back. For durations and slots."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds`` (at once when ≤ 0, but after other tasks had a turn)."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Seconds since the epoch (UTC)."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds on the event loop's time base, which is ``time.monotonic`` in asyncio's loops."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait on the event loop."""
        await asyncio.sleep(max(0.0, seconds))


async def first_of(clock: Clock, seconds: float | None, *events: asyncio.Event) -> None:
    """Return after ``seconds`` (None: never), or as soon as one of these events is set."""
    waits: set[asyncio.Future[object]] = {asyncio.ensure_future(event.wait()) for event in events}
    if seconds is not None:
        waits.add(asyncio.ensure_future(clock.sleep(seconds)))
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def woken(wake: asyncio.Event, clock: Clock, seconds: float) -> None:
    """Wait for ``wake``, but at most ``seconds``, and reset it: whatever wakes from now on counts anew."""
    if not wake.is_set():
        timer = asyncio.ensure_future(clock.sleep(seconds))
        ring = partial(_ring, wake)
        timer.add_done_callback(ring)
        try:
            await wake.wait()
        finally:
            timer.remove_done_callback(ring)
            timer.cancel()
    wake.clear()


def _ring(wake: asyncio.Event, timer: asyncio.Future[None]) -> None:
    if not timer.cancelled():
        wake.set()


def utc(seconds: float) -> datetime:
    """The moment ``seconds`` after the epoch as an aware datetime in UTC."""
    return datetime.fromtimestamp(seconds, UTC)
