"""Tasks that last as long as the process, kept going through failures."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from bot.clock import Clock
from bot.errors import BotError
from bot.telemetry.repeats import Repeats

log = structlog.get_logger(__name__)

AGAIN_AFTER = 1.0
"""Seconds before a task is begun again. After a failure that nobody foresaw they double with each further one."""

FAILURES = 5
WITHIN = 60.0
"""A task with so many unforeseen failures within so many seconds gets nowhere."""


class Endurance:
    """Tells, failure by failure, how long to wait until the next try, and when there is no use in one."""

    def __init__(self, *, most: int = FAILURES, within: float = WITHIN, first: float = AGAIN_AFTER) -> None:
        """``most`` failures within ``within`` seconds are the end; ``first`` is the first wait in seconds."""
        self._most = most
        self._within = within
        self._first = first
        self._failed_at: deque[float] = deque()

    def failed(self, now: float) -> float | None:
        """The task failed ``now``: seconds until the next try, None when it is not to be tried again."""
        self._failed_at.append(now)
        while now - self._failed_at[0] > self._within:
            self._failed_at.popleft()
        if len(self._failed_at) >= self._most:
            return None
        return float(self._first * 2 ** (len(self._failed_at) - 1))


class Supervisor:
    """Keeps lasting tasks going. A failure that has a name, such as a disk that is busy for a moment, never ends
    one. Any other is a bug, perhaps one that something odd from outside brings out: it is logged with its
    traceback, each kind once a minute, and the task goes on, unless it fails again and again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said = Repeats()

    async def keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run ``work`` for ever. Raises what it raised when trying again is of no use."""
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
                self._say(name, error, pause)
            await self._clock.sleep(pause)

    def _say(self, name: str, error: Exception, pause: float) -> None:
        unsaid = self._said.due((name, type(error).__name__), self._clock.monotonic())
        if unsaid is not None:
            log.error("task.crashed", task=name, again_after=pause, unsaid=unsaid, exc_info=error)
