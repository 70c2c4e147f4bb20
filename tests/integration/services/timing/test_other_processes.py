"""Two processes on one queue that are told of each other's changes: nobody waits for a heartbeat."""

from __future__ import annotations

import asyncio

from bot.domain.queue.request import RequestState
from bot.domain.queue.store import QueuePause
from bot.services.queue.others import OtherProcesses
from tests.fakes.clocks import LoopClock
from tests.fakes.questions import WIDE, question
from tests.fakes.schedulers import ready
from tests.integration.services.process import running

AT_ONCE = 0.5
"""Seconds, on virtual time; a heartbeat comes every 10 s, a comparison every 5 s."""


class Told:
    """Changes that the test tells."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()

    async def wait(self) -> None:
        """Return when there is one."""
        await self.changed.wait()
        self.changed.clear()


async def test_a_process_sees_at_once_what_another_one_did() -> None:
    """A question that joined is taken, one that was stopped is not asked on, a pause holds."""
    clock, told = LoopClock(), Told()
    async with running(ready(1)) as process, asyncio.TaskGroup() as group:
        await clock.sleep(1.0)
        changed = asyncio.Event()
        others = OtherProcesses(told, process.gate, process.parts.reconciliation, process.signal, changed)
        task = group.create_task(others.run())

        await process.store.enqueue(question("theirs", at=clock.now()), WIDE)
        told.changed.set()
        await clock.sleep(AT_ONCE)
        stream = await process.scheduler.asked(1)
        stream.begin()
        assert await process.state("theirs") is RequestState.RUNNING

        await process.store.mark_cancelled("theirs", now=clock.now())
        told.changed.set()
        await clock.sleep(AT_ONCE)
        assert process.in_flight.running == 0

        await process.store.pause(QueuePause("a new model", 7, clock.now()))
        told.changed.set()
        await clock.sleep(AT_ONCE)
        hold = process.gate.hold()
        assert hold is not None
        assert hold.key == "held.paused"
        task.cancel()
