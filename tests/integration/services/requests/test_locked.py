"""Questions that are asked while somebody else holds the database."""

from __future__ import annotations

import pytest

from bot.domain.queue.request import NewQuestion, RequestState, StoredRequest
from bot.domain.queue.store import QueueLimits
from bot.errors import DatabaseLocked, StorageError
from bot.services.requests.ask import LOCKED_AT_MOST
from tests.fakes.conversations import MemoryConversations
from tests.fakes.requests import MemoryRequests
from tests.fakes.schedulers import ready
from tests.integration.services.process import running


class Held(MemoryRequests):
    """A store whose database fails like this so many times."""

    def __init__(self, conversations: MemoryConversations, error: StorageError, times: float) -> None:
        super().__init__(conversations)
        self._error = error
        self._times = times
        self.tries = 0

    async def enqueue(self, question: NewQuestion, limits: QueueLimits) -> StoredRequest:
        """Fail first."""
        self.tries += 1
        if self.tries <= self._times:
            raise self._error
        return await super().enqueue(question, limits)


async def test_q6_a_question_is_taken_when_the_lock_ends_in_time() -> None:
    """Its asker need not ask again, and it is there once."""
    conversations = MemoryConversations()
    store = Held(conversations, DatabaseLocked("locked"), 3)
    async with running(ready(1), store, conversations) as queue:
        await queue.asks(1, "?")
        assert store.tries == 4
        assert len(await store.of_user(1, list(RequestState))) == 1


async def test_q6_a_lock_that_does_not_end_is_told_after_a_minute() -> None:
    """With the storage's sentence; nothing is kept."""
    conversations = MemoryConversations()
    store = Held(conversations, DatabaseLocked("locked"), float("inf"))
    async with running(ready(1), store, conversations) as queue:
        began = queue.clock.monotonic()
        with pytest.raises(DatabaseLocked):
            await queue.asks(1, "?")
        assert LOCKED_AT_MOST <= queue.clock.monotonic() - began < 2 * LOCKED_AT_MOST
        assert await store.of_user(1, list(RequestState)) == []


async def test_q6_any_other_failure_is_told_at_once() -> None:
    """A full disk does not get better by waiting."""
    conversations = MemoryConversations()
    store = Held(conversations, StorageError("disk full"), 1)
    async with running(ready(1), store, conversations) as queue:
        with pytest.raises(StorageError):
            await queue.asks(1, "?")
        assert store.tries == 1
