"""Beginning a few tasks in each turn of the event loop, when many come in one moment.

The loop runs all tasks that are ready by turns. A thousand that begin together would all be half done when the
first is done; of those that begin a few at a time the first are done while the last have not begun.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter


class FairStarts:
    """Lets so many tasks begin in each turn of the event loop: everybody's first before anybody's second.

    For one event loop. Whoever comes while nobody waits begins at once.
    """

    def __init__(self, each_turn: int) -> None:
        self._each_turn = each_turn
        self._left = each_turn
        self._turning = False
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._came: Counter[int] = Counter()
        """How many tasks of each person have come since nobody waited."""
        self._numbers = itertools.count()

    async def turn(self, user_id: int, begins: asyncio.Future[None]) -> None:
        """Wait until this person's task may begin: until ``begins`` is done, which others may set earlier."""
        if not self._turning:
            self._turning = True
            asyncio.get_running_loop().call_soon(self._next)
        rank = self._came[user_id]
        self._came[user_id] += 1
        if self._left and not self._waiting:
            self._left -= 1
            begins.set_result(None)
            return
        heapq.heappush(self._waiting, (rank, next(self._numbers), begins))
        await begins

    def _next(self) -> None:
        """Begin a turn of the event loop."""
        self._left = self._each_turn
        while self._left and self._waiting:
            _, _, begins = heapq.heappop(self._waiting)
            if not begins.done():
                begins.set_result(None)
                self._left -= 1
        if self._waiting or self._left < self._each_turn:
            asyncio.get_running_loop().call_soon(self._next)
        else:
            self._turning = False
            self._came.clear()
