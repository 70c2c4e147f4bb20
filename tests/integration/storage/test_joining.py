"""What a question must meet in the transaction in which it joins the queue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.conversation.store import ConversationKey
from bot.domain.queue.store import Admission
from bot.domain.queue.usage import DAY, Quota
from bot.errors import QuotaUsed
from bot.storage.database import Database
from bot.storage.sqlite_transactions import SqliteTransactions
from tests.fakes.clocks import always
from tests.fakes.databases import ENGINES, empty_database
from tests.fakes.questions import WIDE, answer, question

ROOM = ConversationKey(500, 8)
TODAY = 20_000


@pytest.fixture(params=ENGINES)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(await empty_database(request.param, tmp_path)) as opened:
        yield opened


async def use(database: Database, request_id: str, *, tokens: int, day: int) -> None:
    """Person 1 asks and gets an answer of so many tokens on this day."""
    at = day * DAY + 60.0
    await database.requests.join(question(request_id, at=at), ROOM, [500, 8], Admission(WIDE))
    await database.requests.claim("me", now=always(at), lease=30)
    assert await database.requests.mark_answered(request_id, "me", answer(tokens=tokens), now=at)


async def test_what_was_used_today_counts(database: Database) -> None:
    """Yesterday's does not, nor other people's; the sentence says when the limit resets."""
    await use(database, "yesterday", tokens=500, day=TODAY - 1)
    await use(database, "today", tokens=60, day=TODAY)
    store = database.requests

    assert await store.join(question("a"), ROOM, [500, 8], Admission(WIDE, Quota(61, TODAY)))
    with pytest.raises(QuotaUsed) as refused:
        await store.join(question("b"), ROOM, [500, 8], Admission(WIDE, Quota(60, TODAY)))
    assert await store.join(question("c", user=2), ROOM, [500, 8], Admission(WIDE, Quota(1, TODAY)))

    assert refused.value.params == {"used": 60, "limit": 60, "resets": f"<t:{(TODAY + 1) * DAY}:R>"}
    assert await store.get("b") is None


async def test_a_profile_that_was_changed_since_admits_nobody(database: Database) -> None:
    """Whoever changed it: a question that was admitted by the old one leaves nothing, not even a conversation."""
    store, profiles = database.requests, database.profiles
    before = await profiles.scopes()
    assert (before.version, before.scope_ids) == ("", frozenset())
    assert await store.join(question("a"), ROOM, [500, 8], Admission(WIDE, profiles=before.version))

    await profiles.choose(8, {"blocked_users": [2]}, by=99, now=1.0)
    other = ConversationKey(600, 8)
    assert await store.join(question("b", user=2), other, [600, 8], Admission(WIDE, profiles="")) is None
    assert (await store.get("b"), await database.conversations.find(other)) == (None, None)

    after = await profiles.scopes()
    assert after.scope_ids == frozenset({8})
    assert await store.join(question("c"), ROOM, [500, 8], Admission(WIDE, profiles=after.version))
    await profiles.choose(8, {"blocked_users": None}, by=99, now=2.0)
    last = await profiles.scopes()
    assert last.scope_ids == frozenset()
    assert len({before.version, after.version, last.version}) == 3


async def test_scopes_are_kept_for_the_retention_of_turns(database: Database) -> None:
    """A channel that moved to another category is found through that one."""
    for name, scopes in (("a", [500, 8]), ("b", []), ("c", [500, 60, 8])):
        await database.requests.join(question(name), ROOM, scopes, Admission(WIDE))
        kept = (500, 60, 8) if name == "c" else (500, 8)
        assert await database.personal.scopes_kept() == [(1, kept)]


async def test_many_at_once_join_one_conversation(database: Database) -> None:
    """Each gets a position of its own, on SQLite in the order in which they came: PostgreSQL works on several at a
    time."""
    joined = await asyncio.gather(
        *(
            database.requests.join(question(f"q{n:02d}", user=n), ROOM, [500, 8], Admission(WIDE))
            for n in range(1, 41)
        )
    )
    positions = [one.position for one in joined if one is not None and one.position is not None]
    is_sqlite = isinstance(database.requests._transactions, SqliteTransactions)
    assert (positions if is_sqlite else sorted(positions)) == list(range(1, 41))
    assert len({one.request.question.conversation_id for one in joined if one is not None}) == 1
