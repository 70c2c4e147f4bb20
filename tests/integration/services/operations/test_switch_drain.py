"""Running answers during a model switch: they have two minutes to finish."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from bot.clock import Timer
from bot.domain.cluster.scheduler_life import SchedulerLife
from bot.domain.cluster.switch_steps import PATIENCE, Step, Switch, SwitchState
from bot.domain.queue.request import RequestState
from bot.domain.status import ClusterStatus
from bot.services.cluster.monitor import ClusterService
from bot.services.cluster.recorder import ClusterRecorder
from bot.services.operations.model_switch import ModelSwitcher, Plan
from bot.services.requests.overview import QueueOverview
from tests.fakes.audit import MemoryAudit
from tests.fakes.clocks import called_after
from tests.fakes.deliveries import NoAnnouncements
from tests.fakes.schedulers import MODEL, ready
from tests.integration.services.process import RunningQueue, running

OPERATOR = 99
PATIENT_FOR = 5.0
PLAN = Plan("0a0a0a0a", MODEL, 1, local_network=True)


@dataclass(eq=False)
class SkippingClock:
    """A :class:`bot.clock.Clock` that the test sets."""

    at: float = 100_000.0

    def now(self) -> float:
        """Epoch seconds."""
        return self.at

    def monotonic(self) -> float:
        """The same."""
        return self.at

    async def sleep(self, seconds: float) -> None:
        """Advance the clock and return at once."""
        self.at += seconds

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """The same."""
        return called_after(self, seconds, callback)


@dataclass(eq=False)
class Switches:
    """A :class:`bot.domain.cluster.switch_steps.SwitchStore` with one switch."""

    switch: Switch | None = None
    claimed: int = 0

    async def open(self, switch: Switch) -> Switch:
        """Store it."""
        self.switch = switch
        return switch

    async def current(self) -> Switch | None:
        """The switch while it is open."""
        return self.switch if self.switch is not None and self.switch.state is SwitchState.OPEN else None

    async def get(self, switch_id: str) -> Switch | None:
        """The switch."""
        return self.switch

    async def last_claimed(self) -> Switch | None:
        """The switch once its init was claimed."""
        return self.switch if self.claimed else None

    async def claim_init(self, switch_id: str, *, now: float, before: float | None = None) -> bool:
        """True the first time."""
        self.claimed += 1
        assert self.switch is not None
        self.switch = replace(self.switch, claimed_at=now)
        return self.claimed == 1

    async def save(self, switch: Switch) -> bool:
        """Keep it."""
        self.switch = switch
        return True

    def step(self) -> Step | None:
        """The step of the switch."""
        return None if self.switch is None else self.switch.step


class NothingStranded(ClusterRecorder):
    """A recorder whose cluster is never stranded."""

    def __init__(self) -> None:
        """Observe nothing."""
        self.life = SchedulerLife()

    @property
    def stranded(self) -> bool:
        """False."""
        return False


def switching(queue: RunningQueue, switches: Switches, clock: SkippingClock) -> ModelSwitcher:
    """The switcher under test."""
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
    """Send a report and wait until the monitor has it."""
    changed = asyncio.Event()
    unsubscribe = queue.monitor.subscribe(changed.set)
    queue.scheduler.report(status)
    async with asyncio.timeout(PATIENT_FOR):
        await changed.wait()
    unsubscribe()


async def test_an_answer_that_runs_may_finish_and_is_interrupted_after_two_minutes() -> None:
    """It goes back into the queue and is asked again when the new model is usable."""
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
    """The switch continues as soon as the answer has ended."""
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
async def test_run_ends_when_it_is_cancelled_at_the_same_moment_as_it_is_woken(turns: int) -> None:
    """For any number of loop turns between the two. A task that ignores it would keep the process alive."""
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
