"""The double's background tasks, with one owner that ends them and raises their failures."""

import asyncio
from collections.abc import Coroutine

__all__ = ["Tasks"]


class Tasks:
    """Tasks that live at most as long as their owner.

    A failure is kept and raised by `close`, so that a bug in the double cannot look like a client's.
    """

    __slots__ = ("_failures", "_running")

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()
        self._failures: list[Exception] = []

    def start(self, work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
        """Run `work` until it ends, is cancelled by the caller, or `cancel_all` is called."""
        task = asyncio.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def cancel_all(self) -> None:
        """Cancel everything that runs and wait for its end."""
        running = [task for task in self._running if task is not asyncio.current_task()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def close(self) -> None:
        """Cancel everything; raises ExceptionGroup with what had failed meanwhile."""
        await self.cancel_all()
        if self._failures:
            raise ExceptionGroup("the Parallax double failed", self._failures)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if task.cancelled():
            return
        failure = task.exception()
        if isinstance(failure, Exception):
            self._failures.append(failure)
