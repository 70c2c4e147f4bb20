"""Time for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.clock import Clock, SystemClock, Timer


def always(seconds: float) -> Callable[[], float]:
    """A clock function that always returns ``seconds``: ``now`` for a store."""
    return lambda: seconds


def called_after(clock: Clock, seconds: float, callback: Callable[[], object]) -> Timer:
    """A timer of a clock that can only sleep."""
    sleep = asyncio.ensure_future(clock.sleep(seconds))
    sleep.add_done_callback(lambda ended: ended.cancelled() or callback())
    return sleep


_BEGAN = SystemClock().monotonic()
_FIRST = 1_000.0


@dataclass(eq=False)
class FastClock:
    """A :class:`bot.clock.Clock` on which waits and tolerances pass ``times`` as fast as they are written.

    It starts at 1,000 s with the test process: a machine's own seconds since it started, ``times`` as many, would
    make a question of second 1 a day old on a machine that has run for an hour.
    """

    times: float
    _real: SystemClock = field(default_factory=SystemClock)

    def now(self) -> float:
        """Epoch seconds, running fast."""
        return self.monotonic()

    def monotonic(self) -> float:
        """Seconds, running fast."""
        return _FIRST + (self._real.monotonic() - _BEGAN) * self.times

    async def sleep(self, seconds: float) -> None:
        """Return early."""
        await self._real.sleep(seconds / self.times)

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Call early."""
        return called_after(self, seconds, callback)


@dataclass(eq=False)
class HandClock:
    """A :class:`bot.clock.Clock` that stands still until a test moves it."""

    at: float = 100_000.0
    _moved: asyncio.Event = field(default_factory=asyncio.Event)
    _slept: asyncio.Event = field(default_factory=asyncio.Event)
    _until: list[float] = field(default_factory=list)

    def now(self) -> float:
        """Epoch seconds."""
        return self.at

    def monotonic(self) -> float:
        """Seconds."""
        return self.at

    async def sleep(self, seconds: float) -> None:
        """Return when the clock was moved far enough."""
        until = self.at + seconds
        self._until.append(until)
        self._slept.set()
        await asyncio.sleep(0)
        try:
            while self.at < until:
                await self._moved.wait()
        finally:
            self._until.remove(until)

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Call when the clock was moved far enough."""
        return called_after(self, seconds, callback)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.at += seconds
        self._moved.set()
        self._moved = asyncio.Event()

    async def asleep(self, sleepers: int = 1, timeout: float = 5.0) -> None:
        """Wait until this many tasks sleep beyond the current time. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while sum(until > self.at for until in self._until) < sleepers:
                self._slept.clear()
                await self._slept.wait()


class HastyClock(HandClock):
    """A :class:`HandClock` on which every sleep passes at once."""

    async def sleep(self, seconds: float) -> None:
        """Return after other tasks had a turn; the time has passed."""
        self.at += seconds
        await asyncio.sleep(0)


class LoopClock:
    """A :class:`bot.clock.Clock` that shows the event loop's time: virtual on a :class:`VirtualTimeLoop`."""

    def now(self) -> float:
        """Seconds of the loop."""
        return self.monotonic()

    def monotonic(self) -> float:
        """Seconds of the loop."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Wait on the loop."""
        await asyncio.sleep(max(0.0, seconds))

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Let the loop call."""
        return asyncio.get_running_loop().call_later(max(0.0, seconds), callback)
