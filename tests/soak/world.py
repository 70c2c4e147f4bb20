"""The world of a soak: a bot process between two doubles, its people and rooms, and what is counted."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.people import Invocation, Person
from tests.e2e.bot_process import Stage

RECOVERY = 6.0
"""Seconds after a fault for which its consequences are still expected."""
MAXIMUM_NOTES = 40


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault that was caused. Real monotonic seconds; ``end`` is when it was taken back."""

    name: str
    start: float
    end: float


@dataclass(eq=False)
class World:
    """Everything that the parts of a soak share."""

    stage: Stage
    rng: random.Random
    people: list[Person]
    rooms: list[Channel]
    database: Path
    metrics_url: str
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    invocations: list[tuple[float, str, Invocation]] = field(default_factory=list)
    said: list[tuple[Person, Message]] = field(default_factory=list)
    running: set[str] = field(default_factory=set)
    """The faults that are in effect."""
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    begun: float = field(default_factory=time.monotonic)

    def violated(self, what: str) -> None:
        """Note a broken invariant, with the second at which it was seen."""
        self.counts["violations"] += 1
        if len(self.violations) < MAXIMUM_NOTES:
            self.violations.append(f"at {time.monotonic() - self.begun:.1f} s: {what}")

    @contextmanager
    def trouble(self, name: str) -> Iterator[None]:
        """A fault of this name lasts while the block runs."""
        start = time.monotonic()
        self.running.add(name)
        self.counts[f"fault:{name}"] += 1
        try:
            yield
        finally:
            self.running.discard(name)
            self.troubles.append(Trouble(name, start, time.monotonic()))

    def is_troubled(self, start: float, end: float) -> bool:
        """Whether any fault, or the time right after it, lies between these moments."""
        return bool(self.running) or any(
            trouble.start <= end and start <= trouble.end + RECOVERY for trouble in self.troubles
        )

    def near(self, at: float) -> str:
        """The faults of the ten seconds before a moment, for whoever looks for a cause."""
        found = [f"{t.name} {at - t.end:+.1f} s" for t in self.troubles if t.start <= at and t.end > at - 10.0]
        return f"{at - self.begun:.1f} s, after {', '.join(found) or 'no fault'}"

    def shown(self, room: Channel, last: int = 40) -> list[Message]:
        """The bot's newest messages in a room that people can read, oldest first."""
        found = [m for m in self.stage.discord.messages(room) if m.author.bot and not m.ephemeral]
        return found[-last:]


async def pause(seconds: float) -> None:
    """Let real time pass: the pace of the load, and how long a fault lasts."""
    await asyncio.sleep(seconds)


@asynccontextmanager
async def beside(work: asyncio.Task[None]) -> AsyncIterator[None]:
    """Run the block while ``work`` runs; then end it. Raises what had failed in it."""
    try:
        yield
    finally:
        work.cancel()
        (outcome,) = await asyncio.gather(work, return_exceptions=True)
    if isinstance(outcome, Exception):
        raise outcome
