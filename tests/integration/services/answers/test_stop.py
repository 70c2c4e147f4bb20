"""What a Stop keeps, and that it ends the cluster's work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.domain.chat import ChatRequest, StreamEvent
from bot.tasks.demand import Demand
from tests.fakes.schedulers import ScriptedScheduler, ready
from tests.integration.services.process import Settings, running


@dataclass(eq=False)
class Leisurely(ScriptedScheduler):
    """A scheduler whose text lies in the connection until it is asked for, and whose connections take a few turns
    of the loop to close."""

    lying: list[str] = field(default_factory=list)
    closings: int = 0

    @asynccontextmanager
    async def stream_chat(
        self, request: ChatRequest, *, demand: Demand | None = None
    ) -> AsyncIterator[AsyncIterator[StreamEvent]]:
        """Send a request, which the test answers."""
        assert demand is not None
        async with super().stream_chat(request) as events:
            try:
                with demand.heard(self._hurry):
                    yield events
            finally:
                for _ in range(3):
                    await asyncio.sleep(0)
                self.closings += 1

    def _hurry(self) -> bool:
        lay = bool(self.lying)
        while self.lying:
            self.streams[-1].say(self.lying.pop(0))
        return lay


async def test_what_had_arrived_is_kept_and_the_connection_is_closed_whole() -> None:
    """The reader may leave by itself or be interrupted, but not while it closes the connection."""
    scheduler = Leisurely()
    async with running(ready(1), settings=Settings(scheduler=scheduler)) as queue:
        asked = await queue.asks(1, "count")
        stream = await scheduler.asked(1)
        stream.begin()
        stream.say("one,")
        await queue.until_shows(asked, "one,")
        scheduler.lying = [" two,", " three"]
        assert await queue.cancellation.stop(asked, by=7)
        await queue.until_shows(asked, "stopped by <@7>")
        await queue.until_settled()
        stored = await queue.stored(asked)
        assert stored.answer is not None
        assert stored.answer.text.startswith("one, two,")
        assert (stored.answer.finish, scheduler.closings) == ("stopped", 1)
