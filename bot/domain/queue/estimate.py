"""Estimate of how long a question waits, from how fast the cluster took earlier ones. Pure.

The scheduler corrects its count of free slots only with the nodes' heartbeats, every 10 s, so it may take a
question long after a slot is free (docs/parallax-api.md, "Load"). What an answer takes says little about the wait;
what counts is the *cycle*: the time from one taking of a question to the next in the same slot, while questions
wait.

Times are seconds of one monotonic clock.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

OVERDUE_SHARE = 0.25
"""A slot is never expected to take a question sooner than in this share of a cycle: an estimate that shrinks to
zero and stays there does not help the person who waits."""

ROUNDS = 5
"""For about so many rounds, in each of which every slot takes a question, a cycle is remembered."""

CAUTION = 0.6
"""How much of their spread is added to the mean of the cycles, which vary between 5 and 11 s on the real
scheduler: a wait that is longer than it was told disappoints, a shorter one does not."""

REMEMBERED = 4096
"""Takings that are remembered: the largest capacity that is believed."""


class _Measured:
    """The mean and the spread of a measurement, the last ``1 / share`` of them counting most."""

    def __init__(self) -> None:
        self.mean: float | None = None
        self._variance = 0.0
        self._count = 0

    @property
    def careful(self) -> float | None:
        """The mean and a part of the spread; None before the first measurement."""
        return None if self.mean is None else self.mean + CAUTION * math.sqrt(self._variance)

    def observe(self, seconds: float, *, share: float) -> None:
        """Add a measurement. ``share`` is its part of the mean, more while there are few."""
        self._count += 1
        share = max(share, 1 / self._count)
        change = seconds - (self.mean or 0.0)
        self.mean = (self.mean or 0.0) + share * change
        self._variance = (1 - share) * (self._variance + share * change * change)


class Throughput:
    """Learns the cycle from when questions were taken, and until then from how long answers took."""

    def __init__(self) -> None:
        self._takings: deque[float] = deque(maxlen=REMEMBERED)
        self._saturated_since: float | None = None
        self._answers = _Measured()
        self._cycles = _Measured()
        self._earlier: float | None = None

    def answered(self, seconds: float) -> None:
        """Note a complete answer that took ``seconds`` from its sending."""
        self._answers.observe(seconds, share=1 / ROUNDS)

    def saturated(self, now: float, *, is_saturated: bool) -> None:
        """Note whether every slot is used at ``now``. Only takings since then show the cluster's speed; before,
        slots waited for questions."""
        if not is_saturated:
            self._saturated_since = None
        elif self._saturated_since is None:
            self._saturated_since = now
            self._earlier, self._cycles = self._cycles.careful or self._earlier, _Measured()

    def taken(self, now: float, *, capacity: int) -> None:
        """Note that the cluster took a question at ``now``, with ``capacity`` slots (≥ 1)."""
        since = self._saturated_since
        if since is not None and len(self._takings) >= capacity and self._takings[-capacity] >= since:
            self._cycles.observe(now - self._takings[-capacity], share=1 / (ROUNDS * capacity))
        self._takings.append(now)

    def cycle(self) -> float | None:
        """Seconds from one taking to the next in the same slot; None before the first answer."""
        if self._cycles.careful is not None:
            return self._cycles.careful
        known = [one for one in (self._earlier, self._answers.mean) if one is not None]
        return max(known, default=None)

    def wait(self, position: int, now: float, *, capacity: int, free: int, held: int) -> float | None:
        """As :func:`estimate_wait`; None also before the first answer."""
        cycle = self.cycle()
        if cycle is None or capacity < 1:
            return None
        newest = [now - taken for taken in list(self._takings)[-capacity:]]
        if held and newest and self._saturated_since is not None:
            # Questions wait, and no slot has taken one for so long.
            cycle = max(cycle, min(newest[-1], now - self._saturated_since))
        return estimate_wait(position, capacity, cycle, newest, free=free, held=held)


def estimate_wait(
    position: int, capacity: int, cycle: float, since_taken: Sequence[float], *, free: int, held: int
) -> float:
    """Seconds until the question at ``position`` (from 1) in the queue is taken by a pipeline.

    ``since_taken`` are the seconds since each of the newest takings, at most ``capacity`` of them; ``free`` slots
    take a question at once; ``held`` questions were sent before and are not taken yet.
    """
    if position < 1:
        raise ValueError(f"positions count from 1, not {position}")
    if position <= free:
        return 0.0
    ready = [max(OVERDUE_SHARE * cycle, cycle - seconds) for seconds in since_taken[-capacity:]]
    ready = sorted([*ready, *[0.0] * (capacity - len(ready))])
    ready[: max(0, free)] = [0.0] * max(0, free)
    rounds, slot = divmod(position - 1 + held, capacity)
    return ready[slot] + rounds * cycle
