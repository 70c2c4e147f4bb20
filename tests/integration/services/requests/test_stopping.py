"""A question that is being taken when the process is stopped."""

from __future__ import annotations

import asyncio

from bot.domain.queue.request import NewQuestion, StoredRequest
from bot.domain.queue.store import QueueLimits
from tests.fakes.conversations import MemoryConversations
from tests.fakes.requests import MemoryRequests
from tests.fakes.schedulers import ready
from tests.integration.services.process import asked, running


class BusyDisk(MemoryRequests):
    """Commits a question only once ``commits`` is set."""

    def __init__(self, conversations: MemoryConversations) -> None:
        super().__init__(conversations)
        self.asked, self.commits = asyncio.Event(), asyncio.Event()

    async def enqueue(self, question: NewQuestion, limits: QueueLimits) -> StoredRequest:
        """Wait for the disk first."""
        self.asked.set()
        await self.commits.wait()
        return await super().enqueue(question, limits)


async def test_a_question_that_is_being_taken_is_acknowledged_before_the_connection_closes() -> None:
    """Its commit began before the stop, so it is in the queue, and its asker has to read that."""
    conversations = MemoryConversations()
    store = BusyDisk(conversations)
    async with running(ready(1), store, conversations) as queue:
        asking = asyncio.create_task(queue.ask.submit(asked(1, "?", 71)))
        await store.asked.wait()
        await queue.dispatcher.drain(0.0)
        settling = asyncio.create_task(queue.ask.settled(30.0))
        store.commits.set()
        accepted = await asking
        assert accepted is not None
        assert not settling.done()
        await queue.ask.acknowledged(accepted, 1)
        assert await settling
