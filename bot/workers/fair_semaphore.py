"""A semaphore that is fair between people: everybody's first task goes before anybody's second."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.errors import WaitListFull


class FairSemaphore:
    """Lets ``width`` people in at the same time, each with one task.

    The person who had the fewest turns in this burst goes first; a person's own tasks keep their order. For one
    event loop.
    """

    def __init__(self, width: int, *, most_waiting: int | None = None) -> None:
        """``width`` is at least 1; more than ``most_waiting`` do not wait (None: no limit)."""
        self._width = width
        self._most_waiting = most_waiting
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._inside: set[int] = set()
        self._passed: Counter[int] = Counter()

    @asynccontextmanager
    async def passing(self, user_id: int) -> AsyncIterator[None]:
        """Wait for a turn, and hold it while the block runs. A cancelled wait changes nothing for others.

        Raises :class:`WaitListFull` when too many wait: of the person with most waiting tasks, the newest is
        refused, so that nobody alone keeps others out.
        """
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((user_id, turn))
        self._let_in()
        self._turn_away()
        try:
            await turn
        except BaseException:
            self._give_up(user_id, turn)
            raise
        try:
            yield
        finally:
            self._inside.discard(user_id)
            self._let_in()

    def _give_up(self, user_id: int, turn: asyncio.Future[None]) -> None:
        if (user_id, turn) in self._waiting:
            self._waiting.remove((user_id, turn))
        elif not turn.cancelled() and turn.exception() is None:
            # Cancelled at the very moment when its turn had come.
            self._inside.discard(user_id)
        self._let_in()

    def _turn_away(self) -> None:
        if self._most_waiting is None or len(self._waiting) <= self._most_waiting:
            return
        waits = Counter(user_id for user_id, _ in self._waiting)
        most = max(waits.values())
        newest = max(index for index, (user_id, _) in enumerate(self._waiting) if waits[user_id] == most)
        _, turn = self._waiting.pop(newest)
        turn.set_exception(WaitListFull(f"{self._most_waiting} wait"))

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
