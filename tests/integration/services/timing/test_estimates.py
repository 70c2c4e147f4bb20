"""The wait that people in the queue are told, and the wait they have, on a cluster that behaves as the real
one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median

import pytest

from bot.domain.chat import ChatRequest, StreamEvent
from bot.domain.queue.request import RequestState
from bot.parallax.client import ParallaxClient
from bot.parallax.timeouts import Timeouts
from bot.tasks.demand import Demand
from sandbox.parallax import ParallaxDouble
from tests.fakes.clocks import LoopClock
from tests.fakes.schedulers import ScriptedScheduler, ready
from tests.integration.services.process import RunningQueue, Settings, running

ERROR = 0.3
"""How wrong an estimate may be, as a share of the wait."""

A_MOMENT = 3.0
"""Seconds that an estimate may always be wrong."""

PER_SECOND = 2
"""Tokens that the cluster writes in a second."""


@dataclass(eq=False)
class RealTimes(ScriptedScheduler):
    """Reports come from the test, answers from a double of the scheduler, with its late count of slots."""

    client: ParallaxClient | None = None

    @asynccontextmanager
    async def stream_chat(
        self, request: ChatRequest, *, demand: Demand | None = None
    ) -> AsyncIterator[AsyncIterator[StreamEvent]]:
        """Send the request to the double."""
        assert self.client is not None
        async with self.client.stream_chat(request, demand=demand) as events:
            yield events


@dataclass(frozen=True)
class Told:
    """What the question was told at a moment: the seconds until a pipeline takes it."""

    request_id: str
    at: float
    wait: float


@asynccontextmanager
async def on_the_double(slots: int, *, lag: bool = True) -> AsyncIterator[RunningQueue]:
    """A queue whose cluster is one node with so many slots."""
    async with ParallaxDouble(
        nodes=1, slots=slots, tokens_per_second=PER_SECOND, lag=lag, first_heartbeat=2.5
    ) as parallax:
        client = ParallaxClient(parallax.url, timeouts=Timeouts(), clock=LoopClock())
        settings = Settings(clock=LoopClock(), scheduler=RealTimes(client=client))
        try:
            async with running(ready(slots), settings=settings) as queue:
                yield queue
        finally:
            await client.aclose()


async def told_until_all_are_answered(queue: RunningQueue, asked: list[str], *, after: int) -> list[Told]:
    """What everybody who waits is told every two seconds, once ``after`` questions are answered."""
    told: list[Told] = []
    while True:
        states = [await queue.state(one) for one in asked]
        if set(states) == {RequestState.DELIVERED}:
            return told
        if states.count(RequestState.DELIVERED) >= after:
            for entry in await queue.store.queue():
                wait = queue.parts.slots.wait_for(entry.position)
                assert wait is not None
                told.append(Told(entry.request_id, LoopClock().now(), wait))
        await LoopClock().sleep(2.0)


async def errors(queue: RunningQueue, told: list[Told]) -> list[float]:
    """How wrong each estimate was, as a share of the wait; those that were wrong by a moment only are right."""
    found = []
    for one in told:
        taken_at = (await queue.stored(one.request_id)).started_at
        assert taken_at is not None
        wait = taken_at - one.at
        wrong = abs(one.wait - wait)
        found.append(0.0 if wrong <= A_MOMENT else wrong / wait)
    return found


@pytest.mark.parametrize(
    ("slots", "questions", "seconds", "least", "most"),
    [(4, 24, 1, 44, 58), (4, 24, 10, 90, 115)],
)
async def test_p12_after_ten_answers_the_estimates_are_right(
    slots: int, questions: int, seconds: int, least: float, most: float
) -> None:
    """24 streams of 1 s take 44 to 58 s on 4 slots of the real scheduler."""
    async with on_the_double(slots) as queue:
        began = LoopClock().now()
        length = seconds * PER_SECOND + 1
        asked = [await queue.asks(user, f"load [[n={length}]]") for user in range(1, questions + 1)]
        told = await told_until_all_are_answered(queue, asked, after=10)
        assert least <= LoopClock().now() - began <= most
        assert len(told) > 10
        assert max(await errors(queue, told)) <= ERROR


async def test_p12_a_cluster_without_late_counts_is_estimated_as_well() -> None:
    """Each slot takes the next question as soon as it is free."""
    async with on_the_double(4, lag=False) as queue:
        asked = [await queue.asks(user, "load [[n=21]]") for user in range(1, 25)]
        told = await told_until_all_are_answered(queue, asked, after=10)
        assert max(await errors(queue, told)) <= ERROR


async def test_p12_the_next_burst_is_estimated_from_the_first_moment() -> None:
    """What the last burst showed is remembered, and the idle time between them is no part of it."""
    async with on_the_double(4) as queue:
        first = [await queue.asks(user, "load [[n=3]]") for user in range(1, 17)]
        await told_until_all_are_answered(queue, first, after=100)
        await LoopClock().sleep(300.0)
        second = [await queue.asks(user, "load [[n=3]]") for user in range(1, 17)]
        told = await told_until_all_are_answered(queue, second, after=0)
        assert len(told) > 10
        assert median(await errors(queue, told)) <= ERROR


async def test_p11_what_the_scheduler_holds_is_waiting_and_not_the_first_token() -> None:
    """The fifth question is sent when a slot of ours is free, and held until the scheduler's count is
    corrected."""
    async with on_the_double(4) as queue:
        asked = [await queue.asks(user, "load [[n=3]]") for user in range(1, 9)]
        await told_until_all_are_answered(queue, asked, after=100)
        held = await queue.stored(asked[-1])
        assert held.answer is not None
        assert held.answer.ttft is not None
        assert held.started_at is not None
        assert held.started_at - held.question.asked_at > 5.0
        assert held.answer.ttft < 1.0
        assert "waited" in queue.answer(asked[-1]).text
