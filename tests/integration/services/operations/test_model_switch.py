"""The guided switch with a scheduler that fails between the steps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bot.domain.cluster.scheduler_life import RETURN_WITHIN
from bot.domain.cluster.switch_steps import HIDDEN_FOR, PATIENCE, Step, Switch, SwitchState
from bot.domain.status import ClusterState, ClusterStatus, JoinCommand, Model, Node, NodeState
from bot.errors import SchedulerUnreachable, StorageError, UpstreamFailed
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
from tests.fakes.schedulers import MODEL, NO_MODEL, ScriptedScheduler, ready
from tests.integration.services.process import RunningQueue, running

OTHER = "a-lab/another-model"
CONNECTED = ready(1)
STOPPED = replace(CONNECTED, nodes=())


@dataclass(eq=False)
class SchedulerWithFailingList(ScriptedScheduler):
    """A scheduler that lists models only while ``lists`` is true, and counts inits."""

    lists: bool = True
    refuses: bool = False
    silent: bool = False
    inits: list[str] = field(default_factory=list)

    async def models(self) -> tuple[Model, ...]:
        """Two models. Raises while ``lists`` is false."""
        if not self.lists:
            raise SchedulerUnreachable("nothing comes", code="timeout")
        return Model(MODEL), Model(OTHER)

    async def initialise(self, model: str, nodes: int, *, local_network: bool) -> None:
        """Count the init. Raises while ``refuses`` or ``silent``."""
        self.inits.append(model)
        if self.silent:
            raise SchedulerUnreachable("nothing comes", code="timeout")
        if self.refuses:
            raise UpstreamFailed("500", status=500, code="init_failed")


@dataclass(eq=False)
class Bench:
    """A confirmed switch with its queue and scheduler."""

    queue: RunningQueue
    scheduler: SchedulerWithFailingList
    switching: ModelSwitcher
    clock: HandClock

    async def reports(self, status: ClusterStatus) -> Switch:
        """Let the cluster report and the switch look; returns the switch."""
        self.queue.scheduler.report(status)
        await self.queue.scheduler.heard()
        await self.switching.look()
        switch = await self.switching.current()
        assert switch is not None
        return switch


@asynccontextmanager
async def switching(folder: Path, before: ClusterStatus | None = None) -> AsyncIterator[Bench]:
    """A switch to another model, begun after the report ``before`` (a usable cluster with one worker)."""
    async with (
        running(CONNECTED if before is None else before) as queue,
        Database.open(new_database(folder)) as database,
    ):
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
        yield Bench(queue, scheduler, under_test, clock)


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


NAMED = replace(NO_MODEL, model=OTHER, init_nodes=1)
ACCEPTED = replace(NAMED, join=JoinCommand("parallax join", public=False))


async def until_sent(bench: Bench) -> None:
    """Stop the worker, and let the init be sent and accepted."""
    await bench.reports(STOPPED)
    assert (await bench.reports(ACCEPTED)).step is Step.START
    assert bench.scheduler.inits == [OTHER]


async def test_p9_a_restart_after_the_init_sends_it_once_more(tmp_path: Path) -> None:
    """Seen from the reports, which name no model any more; and only once, however often they say so."""
    async with switching(tmp_path) as bench:
        await until_sent(bench)
        bench.clock.advance(60.0)
        await bench.reports(NO_MODEL)
        for _ in range(3):
            await bench.reports(replace(NO_MODEL, capacity=None))
            await bench.reports(NO_MODEL)
        assert bench.scheduler.inits == [OTHER, OTHER]
        assert (await bench.reports(ACCEPTED)).step is Step.START
        bench.clock.advance(60.0)
        await bench.reports(NO_MODEL)
        await bench.reports(ACCEPTED)
        assert bench.scheduler.inits == [OTHER] * 3


async def test_p9_workers_that_were_started_before_the_restart_are_stopped_first(tmp_path: Path) -> None:
    """They come back by themselves: the init waits until they have come and gone."""
    async with switching(tmp_path) as bench:
        await until_sent(bench)
        loading = replace(ACCEPTED, nodes=(Node("node", NodeState.WAITING),))
        await bench.reports(loading)
        bench.clock.advance(5.0)
        switch = await bench.reports(NO_MODEL)
        assert (switch.step, switch.workers) == (Step.STOP, 1)
        card = await bench.switching.card(switch, "en")
        assert "the scheduler was restarted" in "".join(card.sections)
        bench.clock.advance(15.0)
        assert (await bench.reports(replace(NO_MODEL, nodes=loading.nodes))).step is Step.STOP
        assert bench.scheduler.inits == [OTHER]
        await bench.reports(NO_MODEL)
        assert bench.scheduler.inits == [OTHER, OTHER]


async def test_p6_a_switch_after_a_restart_waits_for_the_workers_that_still_run(tmp_path: Path) -> None:
    """They are asked for although none is listed; those that never come hold nothing up for long."""
    async with switching(tmp_path) as bench:
        await bench.reports(replace(CONNECTED, capacity=2))
        bench.clock.advance(5.0)
        switch = await bench.reports(NO_MODEL)
        assert switch.step is Step.STOP
        card = await bench.switching.card(switch, "en")
        assert "workers that ran before come back by themselves" in "".join(card.sections)
        assert bench.scheduler.inits == []
        bench.clock.advance(RETURN_WITHIN)
        await bench.reports(replace(NO_MODEL, capacity=None))
        assert bench.scheduler.inits == [OTHER]


async def test_p7_a_dead_worker_that_stays_listed_needs_a_restart_of_the_scheduler(tmp_path: Path) -> None:
    """The message says so, and the switch goes on by itself after the restart."""
    async with switching(tmp_path) as bench:
        ghost = replace(STOPPED, state=ClusterState.WAITING, nodes=(Node("node", NodeState.WAITING),))
        switch = await bench.reports(ghost)
        bench.clock.advance(PATIENCE[Step.STOP] + 1)
        card = "".join((await bench.switching.card(switch, "en")).sections)
        assert "then restart the scheduler; the switch continues by itself" in card
        await bench.reports(NO_MODEL)
        bench.clock.advance(RETURN_WITHIN)
        await bench.reports(replace(NO_MODEL, capacity=None))
        assert bench.scheduler.inits == [OTHER]


async def test_p8_a_refused_init_is_not_set_although_the_status_names_it(tmp_path: Path) -> None:
    """The message says one thing, and it is what the scheduler answered."""
    async with switching(tmp_path) as bench:
        bench.scheduler.refuses = True
        await bench.reports(STOPPED)
        switch = await bench.reports(NAMED)
        assert (switch.step, switch.initialised) == (Step.INIT, False)
        card = "".join((await bench.switching.card(switch, "en")).sections)
        assert "✓ model set" not in card
        assert "did not accept the model" in card


async def test_p8_the_way_back_leads_to_what_ran(tmp_path: Path) -> None:
    """Not to a model that the status names and that never ran; without an answer there is no way back."""
    named = replace(NAMED, model="a-lab/never-ran")
    async with switching(tmp_path, named) as bench:
        switch = await bench.switching.current()
        assert switch is not None
        assert switch.previous_model is None
    async with switching(tmp_path) as bench:
        switch = await bench.switching.current()
        assert switch is not None
        assert switch.previous_model == MODEL


async def test_p16_a_switch_after_a_strangers_failed_init(tmp_path: Path) -> None:
    """It asks for the workers that ran before, although none is listed, and its way back does not lead there."""
    async with switching(tmp_path) as bench:
        await bench.reports(replace(CONNECTED, capacity=2))
        switch = await bench.reports(replace(NAMED, model="no/such-model"))
        assert switch.step is Step.STOP
        card = "".join((await bench.switching.card(switch, "en")).sections)
        assert "stop all workers now (Ctrl-C): 1 ran when the last model was refused" in card
        assert bench.scheduler.inits == []
        bench.clock.advance(HIDDEN_FOR + 1)
        await bench.reports(replace(NAMED, model="no/such-model", init_nodes=2))
        assert bench.scheduler.inits == [OTHER]


async def test_a_switch_that_is_over_or_unknown_is_not_ended_again(tmp_path: Path) -> None:
    """Its buttons may be pressed at any time; what they find is shown."""
    async with switching(tmp_path) as bench:
        assert await bench.switching.cancel("ff", by=7) is None
        assert await bench.switching.back("ff", by=7, plan_id="0c") is None
        ended = await bench.switching.cancel("0a", by=7)
        assert ended is not None
        assert ended.state is SwitchState.CANCELLED
        bench.clock.advance(5.0)
        assert await bench.switching.cancel("0a", by=8) == ended
        assert await bench.switching.current() is None
        assert not bench.switching.is_under_way or not await bench.switching.look()


async def test_without_a_model_that_ran_before_there_is_no_way_back(tmp_path: Path) -> None:
    """The switch goes on as it was begun."""
    async with switching(tmp_path, replace(NAMED, model="a-lab/never-ran")) as bench:
        switch = await bench.switching.back("0a", by=7, plan_id="0c")
        assert switch is not None
        assert (switch.switch_id, switch.previous_model) == ("0a", None)


async def test_the_way_back_replaces_the_switch_and_keeps_the_queue_held(tmp_path: Path) -> None:
    """A question that left in between would be interrupted at once. After the switch it leads to the same."""
    async with switching(tmp_path) as bench:
        back = await bench.switching.back("0a", by=8, plan_id="0c")
        assert back is not None
        assert (back.switch_id, back.model, back.by) == ("0c", MODEL, 8)
        assert not back.paused_before
        replaced = await bench.switching.get("0a")
        assert replaced is not None
        assert replaced.state is SwitchState.REPLACED
        assert await bench.queue.store.paused() is not None
        assert await bench.switching.cancel("0c", by=8) is not None
        assert await bench.queue.store.paused() is None
        again = await bench.switching.back("0a", by=8, plan_id="0d")
        assert again is not None
        assert (again.switch_id, again.model) == ("0d", MODEL)


async def test_an_init_without_an_answer_is_not_sent_twice(tmp_path: Path) -> None:
    """The scheduler may have executed it: the status shows that."""
    async with switching(tmp_path) as bench:
        bench.scheduler.silent = True
        switch = await bench.reports(STOPPED)
        assert bench.scheduler.inits == [OTHER]
        assert (switch.step, switch.initialised) == (Step.INIT, None)
        assert (await bench.reports(replace(STOPPED, capacity=3))).step is Step.INIT
        assert (await bench.reports(ACCEPTED)).step is Step.START
        assert bench.scheduler.inits == [OTHER]


async def test_a_queue_that_operators_had_paused_stays_paused(tmp_path: Path) -> None:
    """A switch releases only what it holds itself."""
    async with switching(tmp_path) as bench:
        await bench.switching.cancel("0a", by=7)
        assert await bench.queue.store.paused() is None
        await bench.switching.begin(Plan("0c", OTHER, 1, local_network=True), by=7, paused_before=True)
        assert await bench.queue.store.paused() is None
        ended = await bench.switching.cancel("0c", by=7)
        assert ended is not None
        assert ended.paused_before


async def test_a_disk_that_fails_ends_no_switch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next look goes on."""
    async with switching(tmp_path) as bench:
        looks: list[bool] = []
        look = bench.switching.look

        async def failing_first() -> bool:
            looks.append(True)
            if len(looks) == 1:
                raise StorageError("disk full")
            return await look()

        monkeypatch.setattr(bench.switching, "look", failing_first)
        working = asyncio.create_task(bench.switching.run())
        bench.queue.scheduler.report(replace(CONNECTED, capacity=5))
        async with asyncio.timeout(5.0):
            while len(looks) < 3:
                await asyncio.sleep(0)
                bench.clock.advance(10.0)
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        switch = await bench.switching.current()
        assert switch is not None
        assert switch.step is Step.STOP
