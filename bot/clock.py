"""The only source of time.

Everything that waits or measures takes a :class:`Clock`, so that tests decide what time it is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
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

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Call ``callback`` after ``seconds`` (≥ 0), unless the timer is cancelled before."""
        ...


class Timer(Protocol):
    """A call that is due."""

    def cancel(self) -> object:
        """Let it be; no-op afterwards."""
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

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Let the event loop call."""
        return asyncio.get_running_loop().call_later(max(0.0, seconds), callback)


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
        timer = clock.call_later(seconds, wake.set)
        try:
            await wake.wait()
        finally:
            timer.cancel()
    wake.clear()


def utc(seconds: float) -> datetime:
    """The moment ``seconds`` after the epoch as an aware datetime in UTC."""
    return datetime.fromtimestamp(seconds, UTC)
