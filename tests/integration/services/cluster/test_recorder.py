"""The samples of a chart: stored minutes, and the newest half an hour in finer steps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.domain.cluster.history import Sample
from bot.presentation.status import Load
from bot.services.cluster.leadership import Leadership
from bot.services.cluster.monitor import ClusterMonitor
from bot.services.cluster.recorder import FINE_EVERY, FINE_SECONDS, ClusterRecorder
from bot.storage.database import Database
from bot.telemetry.metrics import Metrics
from tests.fakes.clocks import HandClock
from tests.fakes.databases import new_database
from tests.fakes.schedulers import ScriptedScheduler, ready

PATIENCE = 5.0


@dataclass(eq=False)
class Kept:
    """A recorder on a real database."""

    clock: HandClock
    scheduler: ScriptedScheduler
    monitor: ClusterMonitor
    database: Database
    recorder: ClusterRecorder
    waiting: int = 0

    async def load(self) -> Load:
        """The load now."""
        return Load(running=1, capacity=2, waiting=self.waiting)

    async def minute(self, ago: float) -> Sample:
        """Store a sample of a minute, as an earlier process did."""
        sample = Sample(self.clock.at - ago, 60.0, 5.0, 1.0, 2.0, 2.0, 0, None, None)
        await self.database.history.add_sample(sample)
        return sample

    async def seen(self) -> None:
        """Send the first report and wait until the monitor has it."""
        arrived = asyncio.Event()
        unsubscribe = self.monitor.subscribe(arrived.set)
        self.scheduler.report(ready(2))
        async with asyncio.timeout(PATIENCE):
            while self.monitor.view().received_at is None:
                arrived.clear()
                await arrived.wait()
        unsubscribe()


@asynccontextmanager
async def keeping(folder: Path) -> AsyncIterator[Kept]:
    """A recorder whose monitor has no report yet."""
    clock, scheduler = HandClock(), ScriptedScheduler()
    monitor = ClusterMonitor(scheduler, clock, Metrics())
    async with Database.open(new_database(folder)) as database:

        async def load() -> Load:
            return await kept.load()

        leadership = Leadership(database.leader_lease, "this process", clock, lambda _: True)
        recorder = ClusterRecorder(monitor, database.history, database.switches, load, clock, leadership)
        kept = Kept(clock, scheduler, monitor, database, recorder)
        following = asyncio.create_task(monitor.run())
        try:
            yield kept
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def test_nothing_is_known_of_a_cluster_never_seen(tmp_path: Path) -> None:
    """There are no samples, so there is no chart."""
    async with keeping(tmp_path) as kept:
        assert await kept.recorder.samples(86_400) == []


async def test_the_first_look_is_enough(tmp_path: Path) -> None:
    """Asking for samples takes one, so that a chart exists from the first second."""
    async with keeping(tmp_path) as kept:
        await kept.seen()
        first = await kept.recorder.samples(86_400)
        assert [(one.running, one.nodes_listed) for one in first] == [(1, len(ready(2).nodes))]
        kept.clock.at += FINE_EVERY
        kept.waiting = 4
        second = await kept.recorder.samples(86_400)
        assert [(one.span, one.waiting) for one in second] == [(0.0, 0), (FINE_EVERY, 4)]


async def test_minutes_of_a_process_before_come_first(tmp_path: Path) -> None:
    """After a restart the stored samples come first, then the new ones."""
    async with keeping(tmp_path) as kept:
        older, newer = await kept.minute(600), await kept.minute(120)
        await kept.seen()
        samples = await kept.recorder.samples(86_400)
        assert samples[:2] == [older, newer]
        assert len(samples) == 3


async def test_a_longer_time_is_shown_by_the_minute(tmp_path: Path) -> None:
    """A chart of more than half an hour has a sample for each minute only."""
    async with keeping(tmp_path) as kept:
        minutes = [await kept.minute(FINE_SECONDS + 120), await kept.minute(300)]
        await kept.seen()
        assert await kept.recorder.samples(86_400) == minutes
        assert len(await kept.recorder.samples(600)) == 2
