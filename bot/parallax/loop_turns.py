"""Turns for other tasks while a peer sends faster than its bytes are read."""

from __future__ import annotations

from collections.abc import Iterator

from bot.clock import Clock

SLICE = 8 * 1024
"""Bytes that are read without a pause: about 10 ms of work when they consist of the smallest events."""

_PIECE = SLICE // 64
"""The fixed cost of a piece, in bytes of work: the network layers take about this long for each piece."""


def slices(chunk: bytes) -> Iterator[bytes]:
    """``chunk`` in parts of at most :data:`SLICE` bytes."""
    return (chunk[at : at + SLICE] for at in range(0, len(chunk), SLICE))


class Turns:
    """Counts the work since other tasks last had a turn. While bytes are available, reading them never waits, so
    no other task would run."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._work = 0

    async def worked(self, size: int) -> None:
        """Count a piece of ``size`` bytes, and let other tasks run when it is time."""
        self._work += size + _PIECE
        if self._work >= SLICE:
            self._work = 0
            await self._clock.sleep(0)
