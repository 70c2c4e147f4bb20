"""A question that the end of the process meets while it is being taken."""

from __future__ import annotations

import asyncio

from bot.domain.queue.request import Asker, Destination, NewQuestion, StoredRequest
from bot.domain.queue.store import QueueLimits
from bot.services.requests.ask import Question
from tests.fakes.conversations import MemoryConversations
from tests.fakes.requests import MemoryRequests
from tests.fakes.schedulers import ready
from tests.integration.services.process import running


class BusyDisk(MemoryRequests):
    """Commits a question when it is let."""

    def __init__(self, conversations: MemoryConversations) -> None:
        super().__init__(conversations)
        self.asked, self.commits = asyncio.Event(), asyncio.Event()

    async def enqueue(self, question: NewQuestion, limits: QueueLimits) -> StoredRequest:
        """Wait for the disk first."""
        self.asked.set()
        await self.commits.wait()
        return await super().enqueue(question, limits)


async def test_a_question_that_is_being_taken_is_acknowledged_before_the_connection_closes() -> None:
    """Its commit had begun before the stop, so it is in the queue: its asker must not read nothing."""
    conversations = MemoryConversations()
    store = BusyDisk(conversations)
    async with running(ready(1), store, conversations) as queue:
        destination = Destination(9, 71, 8, private=False, channel_route=True)
        asking = asyncio.create_task(queue.ask.submit(Question(Asker(1, "ada"), destination, "?")))
        await store.asked.wait()
        await queue.dispatcher.drain(0.0)
        settling = asyncio.create_task(queue.ask.settled(30.0))
        store.commits.set()
        accepted = await asking
        assert accepted is not None
        assert not settling.done()
        await queue.ask.acknowledged(accepted, 1)
        assert await settling
