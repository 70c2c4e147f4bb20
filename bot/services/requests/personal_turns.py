"""Turns of one person's tasks: one after the other, whatever other people's do.

Fair queueing orders only what is in the queue already: in a burst, a person whose questions were stored first
would take every free pipeline. When each person stores one question at a time, everybody's first question is
stored before anybody's second, and nobody waits for other people's turns.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class PersonalTurns:
    """Lets one task of each person in at a time, in the order in which they came. For one event loop."""

    def __init__(self) -> None:
        self._lines: dict[int, deque[asyncio.Future[None]]] = {}
        """Who waits behind the one inside; people of whom nobody is inside are not in it."""

    @asynccontextmanager
    async def passing(self, user_id: int) -> AsyncIterator[None]:
        """Wait for this person's earlier tasks, and hold the turn while the block runs. A cancelled wait changes
        nothing for others."""
        line = self._lines.get(user_id)
        if line is None:
            self._lines[user_id] = deque()
        else:
            await self._wait(user_id, line)
        try:
            yield
        finally:
            self._pass_on(user_id)

    async def _wait(self, user_id: int, line: deque[asyncio.Future[None]]) -> None:
        turn = asyncio.get_running_loop().create_future()
        line.append(turn)
        try:
            await turn
        except BaseException:
            # A wait that was cancelled is passed over; but perhaps its turn had come at that very moment.
            if not turn.cancelled():
                self._pass_on(user_id)
            raise

    def _pass_on(self, user_id: int) -> None:
        line = self._lines[user_id]
        while line:
            turn = line.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._lines[user_id]
