"""What people who wait read while the bot is being stopped."""

from __future__ import annotations

import asyncio

from bot.domain.queue.store import QueuePause
from bot.errors import ClusterBusy
from bot.services.queue.positions import FRONT, OPEN_AT_MOST, REFRESH_EVERY, SLICE
from tests.fakes.clocks import LoopClock
from tests.fakes.questions import WIDE, question
from tests.fakes.schedulers import ready
from tests.integration.services.process import Settings, running

PASS = 2 * REFRESH_EVERY
"""Seconds in which the keeper has surely told one slice."""

KEPT = "kept: the bot is restarting"
GRACE = 60.0


async def test_nothing_overwrites_that_the_bot_restarts() -> None:
    """No answer that ends in time and moves everybody up, no refusal, no pause."""
    async with running(ready(3), settings=Settings(clock=LoopClock())) as queue:
        running_ones = [await queue.asks(user, "running") for user in range(1, 4)]
        waiting = [await queue.asks(user, "waiting") for user in range(4, 7)]
        await queue.scheduler.asked(3)
        for stream in queue.scheduler.streams:
            stream.begin()
        await LoopClock().sleep(20.0)
        assert "3rd in the queue" in queue.answer(waiting[2]).text

        draining = asyncio.create_task(queue.dispatcher.drain(GRACE))
        await queue.until(lambda: all(KEPT in queue.answer(one).text for one in waiting))
        queue.scheduler.streams[0].end("in time")
        await queue.until_shows(running_ones[0], "in time")
        queue.scheduler.streams[1].fail(ClusterBusy("429", status=429))
        await queue.until_shows(running_ones[1], KEPT)
        await queue.gate.pause(QueuePause("later", by=7, since=0.0))
        await LoopClock().sleep(20.0)
        queue.scheduler.streams[2].end("in time too")
        await draining

        for request_id in (running_ones[1], *waiting):
            states = queue.answer(request_id).states
            told = next(index for index, state in enumerate(states) if KEPT in state)
            assert all(KEPT in state for state in states[told:]), states[told:]
        assert len(queue.scheduler.streams) == 3


async def test_a_queue_too_long_to_be_kept_open_is_told_as_the_grace_allows() -> None:
    """Messages far back are closed; they are told in the order of the queue, at the usual pace."""
    async with running(ready(1), settings=Settings(clock=LoopClock())) as queue:
        await queue.asks(1, "running")
        stream = await queue.scheduler.asked(1)
        stream.begin()
        total = OPEN_AT_MOST + 4 * SLICE
        asked = [f"q{number}" for number in range(total)]
        for number, request_id in enumerate(asked):
            await queue.store.enqueue(question(request_id, user=10 + number, conversation=10 + number), WIDE)
        queue.signal.set()
        await LoopClock().sleep(PASS * total / SLICE)
        assert all("in the queue" in queue.answer(one).text for one in asked)
        assert len(queue.shown.open_now) <= OPEN_AT_MOST + 1

        draining = asyncio.create_task(queue.dispatcher.drain(GRACE))
        await LoopClock().sleep(1.0)
        open_ones = [one for one in asked if KEPT in queue.answer(one).text]
        assert len(open_ones) >= OPEN_AT_MOST - FRONT
        await LoopClock().sleep(PASS * total / SLICE)
        assert all(KEPT in queue.answer(one).text for one in asked)
        stream.end("in time")
        await draining
