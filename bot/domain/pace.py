"""How fast the pieces of an answer arrive, and for how long none has. Pure; seconds of one monotonic clock."""

from __future__ import annotations

SILENT_AFTER = 5.0
"""After so many seconds without a piece an answer is silent. Silence does not count for its speed."""


class Pace:
    """Counts the pieces of an answer, about a token each, and the time in which they came."""

    def __init__(self) -> None:
        self._pieces = self._first = 0
        self._last: float | None = None
        self._seconds = 0.0
        self._silence = 0.0

    @property
    def seconds(self) -> float:
        """Seconds between the first and the last piece, silence excluded."""
        return self._seconds

    @property
    def silence(self) -> float:
        """Seconds of silence between the first and the last piece."""
        return self._silence

    @property
    def speed(self) -> float | None:
        """Pieces a second, silence excluded; None while all have come at once."""
        return (self._pieces - self._first) / self._seconds if self._seconds > 0 else None

    def came(self, now: float, pieces: int = 1) -> None:
        """Count ``pieces`` that have arrived since the last call, the newest at ``now``."""
        if self._last is None:
            self._first = pieces
        gap = 0.0 if self._last is None else now - self._last
        if gap >= SILENT_AFTER:
            self._silence += gap
        else:
            self._seconds += gap
        self._pieces, self._last = self._pieces + pieces, now

    def silent_for(self, now: float) -> float | None:
        """Seconds since the last piece; None while these are too few, or nothing came yet."""
        seconds = 0.0 if self._last is None else now - self._last
        return seconds if seconds >= SILENT_AFTER else None
