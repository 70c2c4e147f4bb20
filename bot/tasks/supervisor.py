"""Tasks that last as long as the process, and are started again after a failure."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from bot.clock import Clock
from bot.errors import BotError
from bot.telemetry.repeats import Repeats

log = structlog.get_logger(__name__)

AGAIN_AFTER = 1.0
"""Seconds before a task is started again. They double with each further unexpected failure."""

FAILURES = 5
WITHIN = 60.0
"""A task that fails unexpectedly so many times within so many seconds is given up."""


class Endurance:
    """Counts the unexpected failures of a task: how long to wait until the next try, and when to give up."""

    def __init__(self) -> None:
        self._failed_at: deque[float] = deque()

    def failed(self, now: float) -> float | None:
        """Count a failure at ``now`` (monotonic seconds); returns seconds until the next try, None to give up."""
        self._failed_at.append(now)
        while now - self._failed_at[0] > WITHIN:
            self._failed_at.popleft()
        if len(self._failed_at) >= FAILURES:
            return None
        return float(AGAIN_AFTER * 2 ** (len(self._failed_at) - 1))


class Supervisor:
    """Runs lasting tasks and starts them again after a failure.

    A :class:`BotError`, such as a disk that is busy for a moment, never ends a task. Any other error is a bug: it
    is logged with its traceback, each kind once a minute, and the task is started again until it is given up.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said = Repeats()

    async def keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run ``work`` for ever. Raises its last error when it is given up."""
        endurance = Endurance()
        while True:
            pause = AGAIN_AFTER
            try:
                await work()
            except BotError as error:
                log.error("task.failed", task=name, error=type(error).__name__, detail=str(error))
            except Exception as error:
                wait = endurance.failed(self._clock.monotonic())
                if wait is None:
                    log.critical("task.given_up", task=name, failures=FAILURES, within=WITHIN)
                    raise
                pause = wait
                unsaid = self._said.due((name, type(error).__name__), self._clock.monotonic())
                if unsaid is not None:
                    log.error("task.crashed", task=name, again_after=pause, unsaid=unsaid, exc_info=error)
            await self._clock.sleep(pause)
