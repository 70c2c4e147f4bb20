"""What is looked at during a soak: the scheduler's load, the process's memory and descriptors, its log."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import psutil

from sandbox.parallax.log import ChatRecord
from tests.soak.world import World, pause

MB = 1_000_000
MOST_RESIDENT_MB = 220.0
MOST_DESCRIPTORS = 200
MAY_GROW_MB = 30.0
SETTLES_IN = 20.0
"""Seconds after its start in which a process still grows by what it loads."""
LIFE_TO_JUDGE = 60.0
"""A process that lived shorter than this says nothing about growth."""


class SchedulerWatch:
    """Counts what is in flight at the scheduler after each of its changes."""

    def __init__(self, world: World, slots: int) -> None:
        self._world = world
        self._slots = slots
        self._open: list[ChatRecord] = []
        self._seen = 0
        self.most = 0

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self._world.stage.parallax.wait_until(self._looked, timeout=3600)
            except TimeoutError:
                continue

    def _looked(self) -> bool:
        requests = self._world.stage.parallax.requests
        self._open += requests[self._seen :]
        self._seen = len(requests)
        self._open = [record for record in self._open if record.outcome == "open" and not record.hung_up]
        if len(self._open) > self._slots and len(self._open) > self.most:
            self._world.violated(f"{len(self._open)} requests in flight at the scheduler, {self._slots} slots")
        self.most = max(self.most, len(self._open))
        return False


@dataclass(slots=True)
class Life:
    """What one bot process used, by seconds since its first reading."""

    pid: int
    began: float
    resident: list[tuple[float, float]] = field(default_factory=list)
    """Seconds and MB."""
    descriptors: list[tuple[float, int]] = field(default_factory=list)
    threads: int = 0

    def growth(self) -> float | None:
        """MB between the least of the first third and the least of the last; None for a short life."""
        settled = [(at, mb) for at, mb in self.resident if at >= SETTLES_IN]
        if not settled or settled[-1][0] < LIFE_TO_JUDGE:
            return None
        third = len(settled) // 3 or 1
        return min(mb for _, mb in settled[-third:]) - min(mb for _, mb in settled[:third])


class ProcessWatch:
    """Reads the bot's resident memory, descriptors and threads once a second."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.lives: list[Life] = []

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self.look()
            await pause(1.0)

    def look(self) -> None:
        """Take one reading, of the process that runs now."""
        process = self._world.stage.bot.process
        if process is None or process.returncode is not None:
            return
        now = time.monotonic()
        if not self.lives or self.lives[-1].pid != process.pid:
            self.lives.append(Life(process.pid, now))
        life = self.lives[-1]
        try:
            seen = psutil.Process(process.pid)
            with seen.oneshot():
                life.resident.append((now - life.began, seen.memory_info().rss / MB))
                life.descriptors.append((now - life.began, seen.num_fds()))
                life.threads = max(life.threads, seen.num_threads())
        except psutil.Error:
            return

    @property
    def resident(self) -> float:
        """The most MB of any process."""
        return max((mb for life in self.lives for _, mb in life.resident), default=0.0)

    @property
    def descriptors(self) -> int:
        """The most descriptors of any process."""
        return max((number for life in self.lives for _, number in life.descriptors), default=0)

    def complaints(self) -> Iterator[str]:
        """What grew, or grew too large."""
        if self.resident > MOST_RESIDENT_MB:
            yield f"{self.resident:.0f} MB resident, the bound is {MOST_RESIDENT_MB:.0f}"
        if self.descriptors > MOST_DESCRIPTORS:
            yield f"{self.descriptors} descriptors, the bound is {MOST_DESCRIPTORS}"
        for life in self.lives:
            growth = life.growth()
            if growth is not None and growth > MAY_GROW_MB:
                yield f"process {life.pid} grew by {growth:.0f} MB in {life.resident[-1][0]:.0f} s"


def log_complaints(log: str) -> Iterator[str]:
    """Lines of the bot's log that tell of a bug: a traceback, or no entry at all. Each kind once, counted.

    An error without a traceback is an outcome that operators should know: a question that failed on a node, say.
    """
    kinds: Counter[str] = Counter()
    for line in log.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            kinds[f"a line that is no entry: {line[:200]}"] += 1
            continue
        if "exception" in entry:
            trace = str(entry["exception"]).strip().splitlines()
            kinds[f"{entry.get('event')}: {trace[-1] if trace else ''}"[:300]] += 1
    for kind, number in kinds.items():
        yield f"log, {number} times: {kind}"
