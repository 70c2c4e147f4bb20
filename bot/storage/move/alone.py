"""Being the only process that uses a database, for as long as it is moved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol

from bot.clock import Clock
from bot.errors import DatabaseInUse
from bot.storage.ownership import owned


class Alone(Protocol):
    """No other process uses the database."""

    async def watch(self, clock: Clock) -> None:
        """Return never; raise :class:`StorageError` when another process uses it now."""
        ...


@asynccontextmanager
async def alone(url: str, clock: Clock) -> AsyncIterator[Alone]:
    """Be the only process that uses the database at ``url`` inside the block: no bot starts there.

    Raises :class:`DatabaseInUse` when another process uses it, :class:`StorageError` when the file or the server
    refuses this process.
    """
    async with AsyncExitStack() as stack:
        try:
            ownership = await stack.enter_async_context(owned(url, clock, wait=False))
        except DatabaseInUse as error:
            raise DatabaseInUse(f"{error}: stop it first, and run this again") from error
        yield ownership
