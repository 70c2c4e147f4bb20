"""Tasks that nobody waits for; their failures are logged."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import structlog

from bot.errors import BotError

log = structlog.get_logger(__name__)


class Background:
    """Holds on to tasks until they end, and logs what they raise."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._following: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[object, object, None], *, name: str) -> asyncio.Task[None]:
        """Run ``work``, which ends by itself, in a task of its own."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def follow(self, work: Coroutine[object, object, None], *, name: str) -> asyncio.Task[None]:
        """As :meth:`spawn`, for ``work`` that lasts for minutes: :meth:`settled` does not wait for it, because it
        would not end within a shutdown."""
        task = self.spawn(work, name=name)
        self._following.add(task)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._following.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        level = log.warning if isinstance(error, BotError) else log.error
        level("background.failed", task=task.get_name(), exc_info=error)

    async def settled(self, timeout: float) -> bool:
        """Wait until the tasks of :meth:`spawn` have ended, at most ``timeout`` seconds; returns whether they
        have."""
        ending = self._tasks - self._following
        if ending:
            await asyncio.wait(ending, timeout=timeout)
        return all(task.done() for task in ending)

    async def aclose(self) -> None:
        """Cancel all tasks that still run."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks))
