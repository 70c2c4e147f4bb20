"""What every part of the double shares."""

import random
from dataclasses import dataclass

from sandbox.parallax.clock import Changes, ScaledClock
from sandbox.parallax.gate import Gate
from sandbox.parallax.tasks import Tasks

__all__ = ["Surroundings"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """One clock, one gate, one set of waiters, one owner of tasks and one source of chance for a double."""

    clock: ScaledClock
    gate: Gate
    changes: Changes
    tasks: Tasks
    rng: random.Random
