"""The same stores three times: in memory, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.domain.channel_summary.steps import SummarySteps
from bot.domain.conversation.store import ConversationKey, ConversationStore
from bot.domain.queue.store import RequestStore
from bot.storage.database import Database
from tests.fakes.conversations import MemoryConversations
from tests.fakes.databases import ENGINES, empty_database
from tests.fakes.requests import MemoryRequests
from tests.fakes.steps import MemorySteps


@dataclass(frozen=True)
class Stores:
    """All ports on the same data."""

    requests: RequestStore
    conversations: ConversationStore
    steps: SummarySteps


@pytest.fixture(params=["memory", *ENGINES])
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stores]:
    """Empty stores with the conversations 1, 2 and 3."""
    if request.param == "memory":
        conversations = MemoryConversations()
        requests = MemoryRequests(conversations)
        found = Stores(requests, conversations, MemorySteps(requests))
        await _three_channels(found)
        yield found
        return
    async with Database.open(await empty_database(request.param, tmp_path)) as database:
        found = Stores(database.requests, database.conversations, database.summary_steps)
        await _three_channels(found)
        yield found


async def _three_channels(stores: Stores) -> None:
    for number in (1, 2, 3):
        assert await stores.conversations.conversation(ConversationKey(70 + number)) == number
