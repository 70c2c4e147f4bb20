"""A watch over the connection to a PostgreSQL server."""

from __future__ import annotations

import asyncio

from bot.clock import Clock
from bot.storage.postgres_errors import Failure, storage_error


class ConnectionWatch:
    """Whether the server answered last time. A server that is gone may come back, so nothing ends the bot: its
    transactions are repeated for a while, and ``/readyz`` says meanwhile that it is not ready."""

    def __init__(self) -> None:
        self._fault: str | None = None

    def note(self, failure: Failure, error: Exception) -> None:
        """Take in a failure of a transaction."""
        if failure is Failure.LOST:
            self._fault = f"the server cannot be used ({storage_error(error, failure)})"

    def worked(self) -> None:
        """Note that a transaction has ended as it should."""
        self._fault = None

    def fault(self) -> str | None:
        """Why the server cannot be used; None while it can."""
        return self._fault

    async def run(self, clock: Clock) -> None:  # noqa: ARG002  # of the port
        """Wait until cancelled."""
        await asyncio.Event().wait()
