"""One call for everybody who waits for it."""

from __future__ import annotations

import asyncio

import pytest

from bot.domain.status import Model
from bot.errors import SchedulerError, SchedulerUnreachable
from bot.services.cluster.monitor import ClusterMonitor, ClusterService
from bot.services.cluster.shared_call import SharedCall
from bot.telemetry.metrics import Metrics
from tests.fakes.clocks import HandClock
from tests.fakes.schedulers import ScriptedScheduler


class Calls:
    """A call that ends when it is told to."""

    def __init__(self) -> None:
        self.made: list[asyncio.Future[str]] = []
        self.cancelled = 0

    async def __call__(self) -> str:
        """Wait for the answer."""
        self.made.append(asyncio.get_running_loop().create_future())
        try:
            return await self.made[-1]
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


async def waiting(shared: SharedCall[str], count: int, *, fresh: float = 0.0) -> list[asyncio.Task[str]]:
    """So many who wait."""
    tasks = [asyncio.create_task(shared.get(fresh=fresh)) for _ in range(count)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_six_hundred_share_one_call() -> None:
    """And the next one, later, makes its own."""
    calls = Calls()
    shared = SharedCall(calls, HandClock())
    people = await waiting(shared, 600)
    calls.made[0].set_result("models")
    assert set(await asyncio.gather(*people)) == {"models"}
    assert len(calls.made) == 1
    (late,) = await waiting(shared, 1)
    assert len(calls.made) == 2
    calls.made[1].set_result("newer")
    assert await late == "newer"


async def test_who_gives_up_leaves_the_call_to_the_others() -> None:
    """Even who came first."""
    calls = Calls()
    people = await waiting(SharedCall(calls, HandClock()), 3)
    people[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await people[0]
    calls.made[0].set_result("models")
    assert await asyncio.gather(*people[1:]) == ["models", "models"]
    assert calls.cancelled == 0


async def test_a_call_that_nobody_waits_for_is_ended() -> None:
    """Who comes afterwards does not wait for what was given up."""
    calls = Calls()
    shared = SharedCall(calls, HandClock())
    people = await waiting(shared, 2)
    for person in people:
        person.cancel()
    await asyncio.wait(people)
    (late,) = await waiting(shared, 1)
    assert (len(calls.made), calls.cancelled) == (2, 1)
    calls.made[1].set_result("models")
    assert await late == "models"


async def test_an_error_is_everybodys_who_waited_and_is_not_kept() -> None:
    """Whatever freshness would do."""
    calls = Calls()
    shared = SharedCall(calls, HandClock())
    people = await waiting(shared, 3, fresh=5.0)
    calls.made[0].set_exception(SchedulerUnreachable("gone"))
    for person in people:
        with pytest.raises(SchedulerUnreachable):
            await person
    (late,) = await waiting(shared, 1, fresh=5.0)
    calls.made[1].set_result("back")
    assert await late == "back"


async def test_an_answer_is_fresh_for_as_long_as_is_asked_for() -> None:
    """From when the scheduler was asked, not from when it answered."""
    calls, clock = Calls(), HandClock()
    shared = SharedCall(calls, clock)
    (first,) = await waiting(shared, 1)
    clock.advance(0.6)
    calls.made[0].set_result("models")
    await first
    clock.advance(0.3)
    assert await shared.get(fresh=1.0) == "models"
    clock.advance(0.2)
    (late,) = await waiting(shared, 1, fresh=1.0)
    assert len(calls.made) == 2
    late.cancel()


class Counting(ScriptedScheduler):
    """Counts who asks for its models."""

    lists_read = 0

    async def models(self) -> tuple[Model, ...]:
        """One."""
        self.lists_read += 1
        await asyncio.sleep(0)
        return (Model("a/b"),)


async def test_the_cluster_asks_the_scheduler_once_for_all() -> None:
    """Many ``/models`` are one call; checking a model before an init reads the list anew."""
    scheduler, clock = Counting(), HandClock()
    cluster = ClusterService(scheduler, ClusterMonitor(scheduler, clock, Metrics()), "", clock)
    lists = await asyncio.gather(*(cluster.models() for _ in range(600)))
    assert (len(lists), scheduler.lists_read) == (600, 1)
    await cluster.models()
    assert scheduler.lists_read == 1
    assert (await cluster.known_model("a/b")).name == "a/b"
    assert scheduler.lists_read == 2
    with pytest.raises(SchedulerError):
        await cluster.known_model("c/d")
