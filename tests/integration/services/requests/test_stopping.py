"""A question that is being taken when the process is stopped, and one that is claimed while it is withdrawn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from bot.domain.conversation.store import Turn
from bot.domain.queue.request import NewQuestion, RequestState, StoredRequest, Used
from bot.domain.queue.store import QueueLimits
from tests.fakes.conversations import MemoryConversations
from tests.fakes.requests import MemoryRequests
from tests.fakes.schedulers import ScriptedStream, ready
from tests.integration.services.process import RunningQueue, asked, running


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


class SlowToCancel(MemoryRequests):
    """Commits a withdrawal only once ``commits`` is set."""

    def __init__(self, conversations: MemoryConversations) -> None:
        super().__init__(conversations)
        self.asked, self.commits = asyncio.Event(), asyncio.Event()

    async def mark_cancelled(
        self, request_id: str, *, now: float, used: Used | None = None, owner: str | None = None
    ) -> bool:
        """Wait for the disk first."""
        self.asked.set()
        await self.commits.wait()
        return await super().mark_cancelled(request_id, now=now, used=used, owner=owner)


@asynccontextmanager
async def claimed_meanwhile(end: str) -> AsyncIterator[tuple[RunningQueue, str, ScriptedStream]]:
    """A waiting question is withdrawn (``end`` is ``stop``) or its message deleted (``delete``), and while that is
    being committed the question before it ends, so that it is asked. The block begins before the commit; after
    the block its end is committed and told."""
    conversations = MemoryConversations()
    store = SlowToCancel(conversations)
    async with running(ready(1), store, conversations) as queue:
        first, waiting = await queue.asks(1, "running"), await queue.asks(2, "waiting")
        stream = await queue.scheduler.asked(1)
        ending = None
        if end == "stop":
            ending = asyncio.create_task(queue.cancellation.stop(waiting, by=2))
        else:
            queue.cancellation.message_gone(waiting)
        await store.asked.wait()
        stream.end("done")
        await queue.until_shows(first, "done")
        claimed = await queue.scheduler.asked(2)
        yield queue, waiting, claimed
        if ending is not None:
            assert await ending
        assert await queue.state(waiting) is RequestState.CANCELLED


@pytest.mark.parametrize("end", ["stop", "delete"])
async def test_a_question_that_is_claimed_while_it_is_withdrawn_is_not_answered(end: str) -> None:
    """Its stream is closed, and nothing of it is written into the message that says it was withdrawn."""
    async with claimed_meanwhile(end) as (queue, waiting, claimed):
        claimed.begin()
        claimed.say("words that came ")
        await queue.until_shows(waiting, "words that came")
        queue.store.commits.set()  # type: ignore[attr-defined]  # a SlowToCancel
        await queue.scheduler.left(claimed)
        if end == "stop":
            await queue.until_shows(waiting, "cancelled by <@2>")
    assert claimed.closed


async def test_a_question_that_is_claimed_while_it_is_withdrawn_surfaces_unread() -> None:
    """The scheduler still held it, so it comes up there later: what it says then is shown to nobody."""
    async with claimed_meanwhile("stop") as (queue, waiting, claimed):
        queue.store.commits.set()  # type: ignore[attr-defined]  # a SlowToCancel
        await queue.until_shows(waiting, "cancelled by <@2>")
        claimed.begin()
        await queue.scheduler.left(claimed)
        assert "cancelled by <@2>" in queue.answer(waiting).text


class SlowToRemember(MemoryConversations):
    """Reads the turns of a conversation only once ``reads`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.reads = asyncio.Event(), asyncio.Event()

    async def recent_turns(
        self, conversation_id: int, *, limit: int, follows: str | None = None
    ) -> Sequence[Turn]:
        """Wait for the disk first."""
        self.asked.set()
        await self.reads.wait()
        return await super().recent_turns(conversation_id, limit=limit, follows=follows)


async def test_a_question_that_is_stopped_before_it_is_sent_is_not_sent() -> None:
    """Its prompt was still being made; the cluster hears nothing of it."""
    conversations = SlowToRemember()
    async with running(ready(1), MemoryRequests(conversations), conversations) as queue:
        waiting = await queue.asks(1, "?")
        await conversations.asked.wait()
        assert await queue.cancellation.stop(waiting, by=1)
        await queue.until_shows(waiting, "<@1>")
        conversations.reads.set()
        await queue.until_settled()
        assert await queue.state(waiting) is RequestState.CANCELLED
        assert queue.scheduler.streams == []
        assert queue.in_flight.running == 0
