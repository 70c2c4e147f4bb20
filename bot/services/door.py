"""Where a burst of questions waits to be written down: in the order it came, but everybody's first before
anybody's second.

Fair queueing can only order what is in the line already; whoever is in it alone takes every free pipeline.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Door:
    """Lets ``width`` people through at the same time, each with one question.

    Who had the fewest in this burst goes first; a person's own questions keep their order. For tasks of one event
    loop.
    """

    def __init__(self, width: int) -> None:
        """``width`` is at least 1."""
        self._width = width
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._inside: set[int] = set()
        self._passed: Counter[int] = Counter()

    @asynccontextmanager
    async def passing(self, user_id: int) -> AsyncIterator[None]:
        """Wait for one's turn, and hold the place while the block runs. A cancelled wait leaves no trace."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((user_id, turn))
        self._let_in()
        try:
            await turn
            yield
        finally:
            if turn.cancelled():
                self._waiting.remove((user_id, turn))
            else:
                self._inside.discard(user_id)
            self._let_in()

    def _let_in(self) -> None:
        while len(self._inside) < self._width:
            next_one = min(
                (entry for entry in self._waiting if entry[0] not in self._inside and not entry[1].done()),
                key=lambda entry: self._passed[entry[0]],
                default=None,
            )
            if next_one is None:
                break
            user_id, turn = next_one
            self._waiting.remove(next_one)
            self._inside.add(user_id)
            self._passed[user_id] += 1
            turn.set_result(None)
        if not self._inside and not self._waiting:
            self._passed.clear()
