"""Being the only process that uses a database, for as long as it is moved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from bot.clock import Clock
from bot.errors import DatabaseInUse
from bot.storage.addresses import shown
from bot.storage.processes import Process, entered

LOOK_EVERY = 0.5
"""Seconds between two looks at whether another process has come, where several may use a database."""


class Alone:
    """No other process uses the database."""

    def __init__(self, url: str, process: Process) -> None:
        self._place = shown(url)
        self._process = process

    def require(self) -> None:
        """Raise :class:`DatabaseInUse` when another process uses the database now."""
        if self._process.others:
            raise DatabaseInUse(f"another process uses {self._place}: stop it first, and run this again")

    async def watch(self, clock: Clock) -> None:
        """Return never; raise :class:`DatabaseInUse` when another process has come."""
        watching = [
            asyncio.create_task(self._process.watch(clock), name="present"),
            asyncio.create_task(self._look(clock), name="others"),
        ]
        try:
            # What ends without an error has nothing to watch.
            await asyncio.wait(watching, return_when=asyncio.FIRST_EXCEPTION)
            for task in watching:
                if task.done():
                    task.result()
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)

    async def _look(self, clock: Clock) -> None:
        while True:
            await clock.sleep(LOOK_EVERY)
            self.require()


@asynccontextmanager
async def alone(url: str, clock: Clock) -> AsyncIterator[Alone]:
    """Be the only process that uses the database at ``url`` inside the block.

    Raises :class:`DatabaseInUse` when another process uses it, :class:`StorageError` when the file or the server
    refuses this process.
    """
    async with AsyncExitStack() as stack:
        try:
            there = await stack.enter_async_context(entered(url, clock, wait=False))
        except DatabaseInUse as error:
            raise DatabaseInUse(f"{error}: stop it first, and run this again") from error
        found = Alone(url, there.process)
        found.require()
        yield found
