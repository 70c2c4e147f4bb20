"""Beginning a few tasks in each turn of the event loop, when many come in one moment.

The loop runs all tasks that are ready by turns. A thousand that begin together would all be half done when the
first is done; of those that begin a few at a time the first are done while the last have not begun.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LOOKED_AGAIN_AFTER = 0.005
"""Seconds until held turns are looked at again."""
COUNTED_FOR = 1.0
"""Seconds for which work keeps others from beginning at most: what takes longer waits for something else."""


class Start:
    """The start of one task. ``turn`` is done when its turn has come; ``begins`` then, or before that when the
    task has been hurried."""

    def __init__(self, starts: FairStarts) -> None:
        """Call it inside of the event loop."""
        loop = asyncio.get_running_loop()
        self.begins: asyncio.Future[None] = loop.create_future()
        self.turn: asyncio.Future[None] = loop.create_future()
        self._starts = starts

    def hurry(self) -> None:
        """Let the task begin now, to find out what it is about. Its work waits for ``turn``."""
        if not self.begins.done():
            self.begins.set_result(None)

    def give_turn(self) -> bool:
        """Tell the task that its turn has come; whether it still waits for that."""
        if self.begins.cancelled() or self.turn.done():
            return False
        self.turn.set_result(None)
        self.hurry()
        return True

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count the task as working inside the block, at most for :data:`COUNTED_FOR`: as long as many do, nobody
        else begins."""
        work = object()
        self._starts.work_began(work)
        timer = asyncio.get_running_loop().call_later(COUNTED_FOR, self._starts.work_ended, work)
        try:
            yield
        finally:
            timer.cancel()
            self._starts.work_ended(work)


class FairStarts:
    """Lets so many tasks begin in each turn of the event loop: everybody's first before anybody's second.

    For one event loop. Whoever comes while nobody waits begins at once.
    """

    def __init__(self, each_turn: int, at_work: int, *, held: Callable[[], bool] = lambda: False) -> None:
        """``at_work``: when so many work, nobody begins. ``held`` tells whether something else goes first at the
        moment; then nobody begins either."""
        self._each_turn = each_turn
        self._most_at_work = at_work
        self._held = held
        self._left = each_turn
        self._turning = False
        self._at_work: set[object] = set()
        self._waiting: list[tuple[int, int, Start]] = []
        self._came: Counter[int] = Counter()
        """How many tasks of each person have come since nobody waited."""
        self._numbers = itertools.count()

    def enter(self, user_id: int) -> Start:
        """The start of a task of this person, whose ``begins`` it has to wait for."""
        start = Start(self)
        self._schedule()
        rank = self._came[user_id]
        self._came[user_id] += 1
        if self._has_room() and not self._waiting and not self._held():
            self._left -= 1
            start.give_turn()
        else:
            heapq.heappush(self._waiting, (rank, next(self._numbers), start))
        return start

    def work_began(self, work: object) -> None:
        """Count a piece of work until its end."""
        self._at_work.add(work)

    def work_ended(self, work: object) -> None:
        """Count it no longer; no-op when it is not counted."""
        self._at_work.discard(work)
        if self._waiting:
            self._schedule()

    def _has_room(self) -> bool:
        return self._left > 0 and len(self._at_work) < self._most_at_work

    def _schedule(self) -> None:
        if not self._turning:
            self._turning = True
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        """Begin a turn of the event loop."""
        if self._waiting and self._held():
            asyncio.get_running_loop().call_later(LOOKED_AGAIN_AFTER, self._next)
            return
        self._turning = False
        used, self._left = self._left < self._each_turn, self._each_turn
        while self._waiting and self._has_room():
            _, _, start = heapq.heappop(self._waiting)
            self._left -= start.give_turn()
        if self._left < self._each_turn:
            # Whoever waits for the end of some work is looked at when it ends.
            self._schedule()
        elif not self._waiting and not used:
            self._came.clear()
        elif not self._waiting:
            self._schedule()
