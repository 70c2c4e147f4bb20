"""The guided switch with a scheduler that fails between the steps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.domain.cluster.switch_steps import Step, Switch
from bot.domain.status import ClusterStatus, Model
from bot.errors import SchedulerUnreachable
from bot.presentation.status import Load
from bot.services.cluster.leadership import Leadership
from bot.services.cluster.monitor import ClusterService
from bot.services.cluster.recorder import ClusterRecorder
from bot.services.operations.model_switch import ModelSwitcher, Plan
from bot.services.requests.overview import QueueOverview
from bot.storage.database import Database
from tests.fakes.clocks import HandClock
from tests.fakes.databases import new_database
from tests.fakes.deliveries import NoAnnouncements
from tests.fakes.schedulers import MODEL, ScriptedScheduler, ready
from tests.integration.services.process import RunningQueue, running

OTHER = "a-lab/another-model"
CONNECTED = ready(1)
STOPPED = replace(CONNECTED, nodes=())


@dataclass(eq=False)
class SchedulerWithFailingList(ScriptedScheduler):
    """A scheduler that lists models only while ``lists`` is true, and counts inits."""

    lists: bool = True
    inits: list[str] = field(default_factory=list)

    async def models(self) -> tuple[Model, ...]:
        """Two models. Raises while ``lists`` is false."""
        if not self.lists:
            raise SchedulerUnreachable("nothing comes", code="timeout")
        return Model(MODEL), Model(OTHER)

    async def initialise(self, model: str, nodes: int, *, local_network: bool) -> None:
        """Count the init."""
        self.inits.append(model)


@dataclass(eq=False)
class Bench:
    """A confirmed switch with its queue and scheduler."""

    queue: RunningQueue
    scheduler: SchedulerWithFailingList
    switching: ModelSwitcher

    async def reports(self, status: ClusterStatus) -> Switch:
        """Let the cluster report and the switch look; returns the switch."""
        self.queue.scheduler.report(status)
        await self.queue.scheduler.heard()
        await self.switching.look()
        switch = await self.switching.current()
        assert switch is not None
        return switch


@asynccontextmanager
async def switching(folder: Path) -> AsyncIterator[Bench]:
    """A switch to another model, begun while a worker is connected."""
    async with running(CONNECTED) as queue, Database.open(new_database(folder)) as database:
        clock, scheduler = HandClock(), SchedulerWithFailingList()
        cluster = ClusterService(scheduler, queue.monitor, "", clock)

        async def load() -> Load:
            return Load(0, None, 0)

        leadership = Leadership(database.leader_lease, "this process", clock, lambda _: True)
        under_test = ModelSwitcher(
            scheduler=scheduler,
            cluster=cluster,
            recorder=ClusterRecorder(queue.monitor, database.history, database.switches, load, clock, leadership),
            queue=QueueOverview(
                queue.store,
                NoAnnouncements(),
                queue.gate,
                queue.parts.slots,
                queue.in_flight,
                queue.cancellation,
                database.audit,
                clock,
            ),
            dispatcher=queue.dispatcher,
            gate=queue.gate,
            store=database.switches,
            audit=database.audit,
            clock=clock,
        )
        await under_test.begin(Plan("0a", OTHER, 1, local_network=True), by=7)
        yield Bench(queue, scheduler, under_test)


async def test_a_worker_that_was_started_too_early_is_not_stranded(tmp_path: Path) -> None:
    """The list fails when the workers have stopped. When it works, a worker is connected: no init is sent."""
    async with switching(tmp_path) as bench:
        assert (await bench.reports(CONNECTED)).step is Step.STOP
        bench.scheduler.lists = False
        assert (await bench.reports(STOPPED)).step is Step.INIT
        bench.scheduler.lists = True
        assert (await bench.reports(CONNECTED)).step is Step.STOP
        assert bench.scheduler.inits == []
        assert (await bench.reports(STOPPED)).step is Step.INIT
        assert bench.scheduler.inits == [OTHER]


async def test_no_init_to_a_scheduler_that_does_not_answer(tmp_path: Path) -> None:
    """Whether workers are connected is unknown: the switch waits."""
    async with switching(tmp_path) as bench:
        bench.scheduler.lists = False
        assert (await bench.reports(STOPPED)).step is Step.INIT
        bench.scheduler.lists = True
        silent = asyncio.Event()
        bench.queue.monitor.subscribe(silent.set)
        while not silent.is_set():
            bench.queue.scheduler.break_off(SchedulerUnreachable("gone", code="connect_failed"))
            await bench.queue.scheduler.heard()
        await bench.switching.look()
        switch = await bench.switching.current()
        assert switch is not None
        assert switch.step is Step.STOP
        assert bench.scheduler.inits == []
        assert (await bench.reports(STOPPED)).step is Step.INIT
        assert bench.scheduler.inits == [OTHER]
