"""The word to a reader that takes its time: what has arrived is wanted now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Demand:
    """Tells a reader that what has arrived is about to be used.

    Reading each piece as soon as it arrives costs more than all else that is done with it. A reader that has told
    of one piece may let the next ones lie until somebody asks for them here. For one reader at a time, in one
    event loop.
    """

    def __init__(self) -> None:
        self._hurry: Callable[[], bool] | None = None

    @contextmanager
    def heard(self, hurry: Callable[[], bool]) -> Iterator[None]:
        """Have ``hurry`` called whenever somebody asks, as long as the block lasts. It returns whether anything is
        there, which is then read in the next turn of the event loop."""
        self._hurry = hurry
        try:
            yield
        finally:
            self._hurry = None

    def ask(self) -> bool:
        """Ask for what has arrived. If it returns True, that is read when other tasks have had their turn."""
        return self._hurry is not None and self._hurry()
