"""A limit for logging frequent events."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

KINDS = 256
"""The most kinds that are remembered: a peer that sends ever new ones must not fill the memory."""


@dataclass(slots=True)
class _Window:
    since: float
    said: int = 0
    unsaid: int = 0


class Repeats:
    """Decides when to log a frequent event: each kind at most ``most`` times in ``every`` seconds. Times are
    seconds of any one clock."""

    def __init__(self, *, most: int = 1, every: float = 60.0) -> None:
        self._most = most
        self._every = every
        self._windows: dict[Hashable, _Window] = {}

    def due(self, kind: Hashable, now: float) -> int | None:
        """Count an event of ``kind`` at ``now``; returns None when it must not be logged, else how many events of
        this kind were left out since the last one logged."""
        window = self._windows.get(kind)
        unsaid = 0
        if window is None or now - window.since >= self._every:
            unsaid = window.unsaid if window is not None else 0
            if window is None and len(self._windows) >= KINDS:
                self._windows.clear()
            window = self._windows[kind] = _Window(now)
        if window.said >= self._most:
            window.unsaid += 1
            return None
        window.said += 1
        return unsaid
