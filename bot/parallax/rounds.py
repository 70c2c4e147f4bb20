"""Rounds: connections whose text may lie are looked at together, a few times a second.

The event loop reads each piece of an answer when it arrives, although nobody wants it yet. With many answers at
once this takes more CPU time than anything else that is done with the text (docs/decisions/0041).
"""

from __future__ import annotations

import asyncio
from typing import Protocol

MANY = 24
"""Connections at leisure from which on rounds are made. With fewer, the event loop reads, and notices an end at
once."""

EVERY = 0.1
"""Seconds between two rounds: how late the end of an answer may be noticed."""


class Leisurely(Protocol):
    """A connection that can be read by a look at it."""

    def rest(self) -> None:
        """Let the event loop read it no longer."""

    def look(self) -> None:
        """Read what has arrived."""


class Rounds:
    """The connections at leisure of one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._watched: dict[Leisurely, None] = {}
        self._next: asyncio.TimerHandle | None = None

    def join(self, one: Leisurely) -> None:
        """Look after a connection: from now on it is read in rounds, if there are many."""
        self._watched[one] = None
        if len(self._watched) >= MANY:
            one.rest()
            if self._next is None:
                self._next = self._loop.call_later(EVERY, self._round)

    def leave(self, one: Leisurely) -> None:
        """Look after it no longer; the caller has it read again. No-op for one that is not looked after."""
        self._watched.pop(one, None)

    def _round(self) -> None:
        self._next = self._loop.call_later(EVERY, self._round) if self._watched else None
        for one in tuple(self._watched):
            one.look()
