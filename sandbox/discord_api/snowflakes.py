"""Discord's ids: 42 bits of milliseconds since 2015, then 22 bits that tell ids of one millisecond apart.

Source: docs.discord.com, developers/reference, "Snowflakes".
"""

from __future__ import annotations

from sandbox.clock import Clock

EPOCH_MS = 1_420_070_400_000
_FIXED_MS = 1_735_689_600_000 - EPOCH_MS  # 2025-01-01: the birthday of everything in the default world


def fixed(number: int) -> int:
    """The same id in every run, for the default world, so that a bot's database survives a restart of it.

    Numbers that follow each other land on different shards, as ids of real guilds do.
    """
    return (_FIXED_MS + number) << 22


def created_at(snowflake: int) -> float:
    """Unix seconds at which the id was made."""
    return ((snowflake >> 22) + EPOCH_MS) / 1000


class Snowflakes:
    """Makes ids that grow strictly, from the clock's time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        """A new id, larger than every id before it."""
        made = (int(self._clock.now() * 1000) - EPOCH_MS) << 22
        self._last = max(made, self._last + 1)
        return self._last
