"""What a switch of the model does to answers that run: they may finish, for two minutes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import pytest

from bot.domain.cluster.switch_steps import PATIENCE, Step, Switch, SwitchState
from bot.domain.queue.request import RequestState
from bot.domain.status import ClusterStatus
from bot.services.cluster.monitor import ClusterService
from bot.services.cluster.recorder import ClusterRecorder
from bot.services.operations.model_switch import ModelSwitcher, Plan
from bot.services.requests.overview import QueueOverview
from tests.fakes.audit import MemoryAudit
from tests.fakes.deliveries import NoAnnouncements
from tests.fakes.schedulers import MODEL, ready
from tests.integration.services.process import RunningQueue, running

OPERATOR = 99
PATIENT_FOR = 5.0
PLAN = Plan("0a0a0a0a", MODEL, 1, local_network=True)


@dataclass(eq=False)
class SkippingClock:
    """A :class:`bot.clock.Clock` that a test sets."""

    at: float = 100_000.0

    def now(self) -> float:
        """Epoch seconds."""
        return self.at

    def monotonic(self) -> float:
        """The same."""
        return self.at

    async def sleep(self, seconds: float) -> None:
        """Pass at once."""
        self.at += seconds


@dataclass(eq=False)
class Switches:
    """One switch (:class:`bot.domain.cluster.switch_steps.SwitchStore`)."""

    switch: Switch | None = None
    claimed: int = 0

    async def open(self, switch: Switch) -> Switch:
        """Begin it."""
        self.switch = switch
        return switch

    async def current(self) -> Switch | None:
        """It, while it is open."""
        return self.switch if self.switch is not None and self.switch.state is SwitchState.OPEN else None

    async def get(self, switch_id: str) -> Switch | None:
        """It."""
        return self.switch

    async def last_claimed(self) -> Switch | None:
        """It, once its init was claimed."""
        return self.switch if self.claimed else None

    async def claim_init(self, switch_id: str, *, now: float) -> bool:
        """Only once."""
        self.claimed += 1
        assert self.switch is not None
        self.switch = replace(self.switch, claimed_at=now)
        return self.claimed == 1

    async def save(self, switch: Switch) -> bool:
        """Keep it."""
        self.switch = switch
        return True

    def step(self) -> Step | None:
        """How far it is."""
        return None if self.switch is None else self.switch.step


class NothingStranded(ClusterRecorder):
    """Nothing is stranded."""

    def __init__(self) -> None:
        """Nothing is kept either."""

    @property
    def stranded(self) -> bool:
        """Never."""
        return False


def switching(queue: RunningQueue, switches: Switches, clock: SkippingClock) -> ModelSwitcher:
    """The switches of this process."""
    return ModelSwitcher(
        scheduler=queue.scheduler,
        cluster=ClusterService(queue.scheduler, queue.monitor, "", clock),
        recorder=NothingStranded(),
        queue=QueueOverview(
            queue.store,
            NoAnnouncements(),
            queue.gate,
            queue.parts.slots,
            queue.in_flight,
            queue.cancellation,
            MemoryAudit(),
            clock,
        ),
        dispatcher=queue.dispatcher,
        gate=queue.gate,
        store=switches,
        audit=MemoryAudit(),
        clock=clock,
    )


async def seen(queue: RunningQueue, status: ClusterStatus) -> None:
    """A report that has arrived."""
    changed = asyncio.Event()
    unsubscribe = queue.monitor.subscribe(changed.set)
    queue.scheduler.report(status)
    async with asyncio.timeout(PATIENT_FOR):
        await changed.wait()
    unsubscribe()


async def test_an_answer_that_runs_may_finish_and_is_interrupted_after_two_minutes() -> None:
    """Then it is put back into the line, and asked again when the cluster is usable with the new model."""
    clock, switches = SkippingClock(), Switches()
    async with running(ready(1)) as queue:
        asked = await queue.asks(1, "A long one?")
        stream = await queue.scheduler.asked(1)
        stream.begin()
        stream.say("Half an ")
        await queue.until_shows(asked, "Half an")
        switch = switching(queue, switches, clock)
        await switch.begin(PLAN, by=OPERATOR)
        waiting = await queue.asks(2, "And me?")
        assert f"kept: the queue is paused: switching to {MODEL}" in queue.answer(waiting).text

        clock.at += PATIENCE[Step.DRAIN] - 1
        await switch.look()
        assert (switches.step(), stream.closed) == (Step.DRAIN, False)
        clock.at += 2
        await switch.look()
        await queue.scheduler.left(stream)
        await queue.until_shows(asked, "kept: ")
        assert await queue.state(asked) is RequestState.QUEUED
        await switch.look()
        assert switches.step() is Step.STOP
        assert switches.claimed == 0

        await seen(queue, replace(ready(1), nodes=()))
        for _ in range(2):  # the init, and what came of it
            await switch.look()
        assert (switches.step(), switches.claimed) == (Step.START, 1)
        await seen(queue, ready(2))
        await switch.look()
        assert switches.switch is not None
        assert switches.switch.state is SwitchState.DONE
        await queue.scheduler.asked(3)
        assert {again.question for again in queue.scheduler.open} == {"user 1: A long one?", "user 2: And me?"}


async def test_an_answer_that_ends_in_time_is_not_interrupted() -> None:
    """The switch goes on as soon as it has ended."""
    clock, switches = SkippingClock(), Switches()
    async with running(ready(1)) as queue:
        asked = await queue.asks(1, "A short one?")
        stream = await queue.scheduler.asked(1)
        switch = switching(queue, switches, clock)
        await switch.begin(PLAN, by=OPERATOR)
        await switch.look()
        assert switches.step() is Step.DRAIN
        stream.end("Done.")
        await queue.until_shows(asked, "Done.")
        await queue.until_settled()
        clock.at += PATIENCE[Step.DRAIN] + 1
        await switch.look()
        assert switches.step() is Step.STOP
        assert await queue.state(asked) is RequestState.DELIVERED


@pytest.mark.parametrize("turns", range(6))
async def test_the_end_of_the_bot_is_not_missed_when_something_happens_at_the_same_moment(turns: int) -> None:
    """However many turns of the loop lie between the two: a task that outlives its end keeps the process."""
    async with running(ready(1)) as queue:
        switch = switching(queue, Switches(), SkippingClock())
        following = asyncio.create_task(switch.run())
        for _ in range(10):  # until it waits
            await asyncio.sleep(0)
        switch._wake.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        following.cancel()
        await asyncio.wait({following}, timeout=PATIENT_FOR)
        assert following.cancelled()
