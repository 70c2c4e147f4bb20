"""The double's clock: every wait goes through it, so that `time_scale` shortens all of them.

Durations inside the package are *scheduler seconds*, the ones of the recordings; `time_scale` says how
many of them pass in a real second. Instants (`now`) are always real monotonic seconds, so that a benchmark
in another process of the same machine can compare them with its own.
"""

import asyncio
import time
from collections.abc import Callable

__all__ = ["Changes", "ScaledClock"]


class ScaledClock:
    """Waits in scheduler seconds, tells time in real monotonic seconds.

    `scale` is the number of scheduler seconds that pass in one real second: 10 runs ten times as fast.
    """

    __slots__ = ("_scale",)

    def __init__(self, scale: float) -> None:
        """Raises ValueError when `scale` is not above 0."""
        if scale <= 0:
            raise ValueError(f"time_scale must be above 0, not {scale}")
        self._scale = scale

    @property
    def scale(self) -> float:
        """Scheduler seconds per real second."""
        return self._scale

    def now(self) -> float:
        """Seconds of the running event loop: CLOCK_MONOTONIC, shared by all processes of the machine.

        Raises RuntimeError outside an event loop.
        """
        return asyncio.get_running_loop().time()

    def wall(self) -> int:
        """Whole seconds since the epoch, for the `created` field of answers."""
        return int(time.time())

    def after(self, instant: float, seconds: float) -> float:
        """The real instant that lies `seconds` scheduler seconds after the real instant `instant`."""
        return instant + seconds / self._scale

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds` scheduler seconds; at or below 0 only gives way to other tasks."""
        await asyncio.sleep(max(0.0, seconds / self._scale))

    async def sleep_until(self, instant: float) -> None:
        """Wait for a real instant; one that has passed only gives way to other tasks."""
        await asyncio.sleep(max(0.0, instant - self.now()))


class Changes:
    """Wakes the tasks that wait for a fact about the double, so that nothing polls.

    Belongs to one event loop. `notify` may be called as often as anything changes.
    """

    __slots__ = ("_waiters",)

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()

    def notify(self) -> None:
        """Let every waiter look at its fact again."""
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait_until(self, predicate: Callable[[], bool], timeout: float) -> None:
        """Return as soon as `predicate()` is true, looked at now and after each change.

        `timeout` is in real seconds. Raises TimeoutError when it passes first.
        """
        async with asyncio.timeout(timeout):
            while not predicate():
                waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._waiters.add(waiter)
                try:
                    await waiter
                finally:
                    self._waiters.discard(waiter)
