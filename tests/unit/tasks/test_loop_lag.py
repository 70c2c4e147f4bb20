"""The event loop's lag is measured."""

from __future__ import annotations

import asyncio

from bot.tasks.loop_lag import EVERY, watch_loop
from bot.telemetry.metrics import Metrics


class LateClock:
    """A clock on which a sleep takes so much longer than asked for, and the third one never ends."""

    def __init__(self, late: float) -> None:
        self._late = late
        self._at = 0.0
        self._sleeps = 0
        self.is_over = asyncio.Event()

    def now(self) -> float:
        """Not asked for."""
        raise NotImplementedError

    def monotonic(self) -> float:
        """The seconds that passed."""
        return self._at

    async def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self._sleeps += 1
        if self._sleeps == 3:
            self.is_over.set()
            await asyncio.Event().wait()
        self._at += seconds + self._late

    def call_later(self, seconds: float, callback: object) -> asyncio.TimerHandle:
        """Not asked for."""
        raise NotImplementedError


async def test_how_late_a_task_is_woken() -> None:
    """Twice a second, and by how much."""
    metrics, clock = Metrics(), LateClock(0.25)
    task = asyncio.create_task(watch_loop(clock, metrics.loop))
    await clock.is_over.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert metrics.registry.get_sample_value("parallax_loop_lag_seconds_count") == 2
    assert metrics.registry.get_sample_value("parallax_loop_lag_seconds_sum") == 0.5
    assert EVERY == 0.5
