"""Letting other tasks work while a peer sends faster than its bytes are read."""

from __future__ import annotations

from collections.abc import Iterator

from bot.clock import Clock

SLICE = 8 * 1024
"""Bytes that are read at once: some 10 ms of work where all of them are the smallest of events."""

_PIECE = SLICE // 64
"""What a piece costs beside its bytes, in bytes' work: the network's layers take about as long for each."""


def slices(chunk: bytes) -> Iterator[bytes]:
    """``chunk`` in parts of at most :data:`SLICE` bytes."""
    return (chunk[at : at + SLICE] for at in range(0, len(chunk), SLICE))


class Turns:
    """Counts the work since others last had a turn. While bytes are there, reading them waits for nothing, and
    nobody else would have any."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._work = 0

    async def worked(self, size: int) -> None:
        """A piece of ``size`` bytes was read: others have a turn when it is time."""
        self._work += size + _PIECE
        if self._work >= SLICE:
            self._work = 0
            await self._clock.sleep(0)
