"""Tasks nobody waits for, whose failures are still seen."""

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

    def spawn(self, work: Coroutine[object, object, None], *, name: str) -> asyncio.Task[None]:
        """Run ``work`` beside everything else."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        level = log.warning if isinstance(error, BotError) else log.error
        level("background.failed", task=task.get_name(), exc_info=error)

    async def settled(self, timeout: float) -> None:
        """Wait until all have ended, at most ``timeout`` seconds."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=timeout)

    async def aclose(self) -> None:
        """Cancel what is left."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks))
