"""Profiles, retention and forgetting on a real database."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.domain.conversation.profile import Profile, Scope, ScopeChain
from bot.domain.conversation.store import ConversationKey
from bot.domain.queue.usage import DAY
from bot.errors import NotAllowed, QuotaUsed
from bot.services.access.operators import Operators, Person
from bot.services.access.profiles import Profiles
from bot.services.access.quotas import Quotas
from bot.services.access.rules import Access, Act
from bot.storage.database import Database
from tests.fakes.clocks import FastClock, always
from tests.fakes.databases import new_database
from tests.fakes.members import NoMembers
from tests.fakes.questions import WIDE, answer, question

DEFAULTS = Profile(persona="Be kind.", context_tokens=6000, answer_tokens=2000, retention_days=90)
SERVER = Scope("server", 8, "The team")
CATEGORY = Scope("category", 60, "Work")
CHANNEL = Scope("channel", 71, "general")
THREAD = Scope("thread", 72, "A question")
PLACE = ScopeChain((THREAD, CHANNEL, CATEGORY, SERVER))
OPERATORS = Operators(user_ids=[99], role_ids=[], guild_ids=[])


@dataclass(frozen=True)
class Bench:
    database: Database
    profiles: Profiles
    file: Path


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with Database.open(new_database(tmp_path)) as database:
        profiles = Profiles(database.profiles, FastClock(1.0), DEFAULTS)
        yield Bench(database, profiles, tmp_path / "bot.db")


async def answered(
    database: Database, request_id: str, *, user: int = 1, conversation: int = 1, at: float = 0.0, source: int = 0
) -> None:
    asked = replace(
        question(request_id, user=user, conversation=conversation, at=at), source_message_id=source or None
    )
    await database.requests.enqueue(asked, WIDE)
    claimed = await database.requests.claim("me", now=always(at), lease=30)
    assert claimed is not None
    assert await database.requests.mark_answered(request_id, "me", answer(tokens=10), now=at)
    await database.requests.mark_delivered(request_id, now=at)


async def test_the_nearest_scope_wins_and_says_where_it_comes_from(bench: Bench) -> None:
    """Thread, channel, category, server, then the defaults; None inherits again."""
    profiles = bench.profiles
    await profiles.choose(SERVER, {"persona": "Server.", "temperature": 0.5, "threads": True}, by=5)
    await profiles.choose(CHANNEL, {"persona": "Channel.", "threads": False}, by=5)

    found = await profiles.of(PLACE.ids)
    assert (found.persona, found.temperature, found.threads, found.answer_tokens) == ("Channel.", 0.5, False, 2000)
    assert found.origins == {"persona": 71, "threads": 71, "temperature": 8}

    await profiles.choose(CHANNEL, {"persona": None}, by=5)
    assert (await profiles.of(PLACE.ids)).persona == "Server."
    entries = await bench.database.audit.recent(5)
    assert [entry.actor_id for entry in entries] == [5, 5, 5]
    assert entries[0].detail == {"scope": 71, "changes": {"persona": ["Channel.", None]}}


async def test_no_place_spends_more_than_the_operators_allow(bench: Bench) -> None:
    """A profile may lower the budget but not raise it; values that a field cannot have are ignored."""
    await bench.profiles.choose(CHANNEL, {"context_tokens": 999_999, "answer_tokens": 10, "top_k": "many"}, by=5)
    found = await bench.profiles.of(PLACE.ids)
    assert (found.context_tokens, found.answer_tokens, found.top_k) == (6000, 10, None)


async def test_who_may_ask(bench: Bench) -> None:
    """By role, by name and by channel; a server's ban holds in every channel; operators always may."""
    profiles = bench.profiles
    access = Access(profiles, OPERATORS, NoMembers())
    await profiles.choose(SERVER, {"blocked_users": [3], "allowed_roles": [40]}, by=5)
    await profiles.choose(CHANNEL, {"blocked_users": [4]}, by=5)

    await access.require(Act.ASK, Person(1, 8, frozenset({40})), PLACE)
    await access.require(Act.ASK, Person(99, 8), PLACE)
    for refused in (Person(3, 8, frozenset({40})), Person(4, 8, frozenset({40})), Person(1, 8)):
        with pytest.raises(NotAllowed):
            await access.require(Act.ASK, refused, PLACE)
    elsewhere, here = (replace(DEFAULTS, channels=frozenset({channel})) for channel in (555, 71))
    with pytest.raises(NotAllowed):
        await access.require(Act.ASK, Person(1, 8), PLACE, profile=elsewhere)
    await access.require(Act.ASK, Person(1, 8), PLACE, profile=here)


async def test_retention_removes_what_is_older_in_its_conversation_only(bench: Bench) -> None:
    """Questions, answers and turns go together; the other conversation keeps its own."""
    database = bench.database
    for channel in (71, 72):
        await database.conversations.conversation(ConversationKey(channel), [channel, 8])
    await answered(database, "old", at=1.0)
    await answered(database, "new", at=1000.0)
    await answered(database, "elsewhere", conversation=2, at=1.0)
    kept = dict(await database.personal.scopes_kept())
    assert kept == {1: (71, 8), 2: (72, 8)}

    assert await database.personal.expire(1, before=500.0) == 1

    assert await database.requests.get("old") is None
    assert [turn.request_id for turn in await database.conversations.recent_turns(1, limit=9)] == ["new"]
    assert len(await database.conversations.recent_turns(2, limit=9)) == 1


async def test_forgetting_a_person_leaves_no_row_of_theirs(bench: Bench) -> None:
    """No table has a row of the person left; other people's rows stay."""
    database = bench.database
    await database.conversations.conversation(ConversationKey(71))
    await answered(database, "mine", user=424_242)
    await answered(database, "theirs", user=7)
    await database.feedback.give("theirs", 424_242, 1, now=1.0)
    await database.preferences.set_announce(424_242, announce=False)

    forgotten = await database.personal.forget_user(424_242)

    assert (forgotten.questions, forgotten.turns, forgotten.thumbs, forgotten.days) == (1, 1, 1, 1)
    with closing(sqlite3.connect(bench.file)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = [row for table in tables for row in connection.execute(f'SELECT * FROM "{table}"')]  # noqa: S608
    assert not [row for row in rows if 424_242 in row or "user 424242" in row]
    assert [turn.request_id for turn in await database.conversations.recent_turns(1, limit=9)] == ["theirs"]


async def test_an_edited_and_a_deleted_message(bench: Bench) -> None:
    """The turn follows the message; an answer that comes after the deletion is not remembered."""
    database = bench.database
    await database.conversations.conversation(ConversationKey(71))
    await answered(database, "a", source=500)
    assert await database.personal.reword(500, "new words") == 1
    (turn,) = await database.conversations.recent_turns(1, limit=9)
    assert turn.question == "new words"

    assert await database.personal.forget_message(500) == 1
    assert await database.conversations.recent_turns(1, limit=9) == []

    await database.requests.enqueue(replace(question("late"), source_message_id=501), WIDE)
    await database.requests.claim("me", now=always(1.0), lease=30)
    await database.personal.forget_message(501)
    assert await database.requests.mark_answered("late", "me", answer(), now=2.0)
    assert await database.conversations.recent_turns(1, limit=9) == []


async def test_a_quota_counts_today_only(bench: Bench) -> None:
    """Yesterday's tokens do not count; a role may give more; operators have no limit."""
    clock = FastClock(1.0)
    today = int(clock.now() // DAY)
    await bench.database.conversations.conversation(ConversationKey(71))
    await answered(bench.database, "yesterday", at=(today - 1) * DAY + 5.0)
    quotas = Quotas(bench.database.usage, OPERATORS, clock, per_user=10, roles={40: 15})
    await quotas.check(Person(1, 8))
    await answered(bench.database, "today", at=today * DAY + 5.0)

    with pytest.raises(QuotaUsed):
        await quotas.check(Person(1, 8))
    await quotas.check(Person(1, 8, frozenset({40})))
    await quotas.check(Person(99, 8))
    assert (await quotas.allowance(Person(1, 8))).resets_at == (today + 1) * DAY
    assert [row.tokens for row in await quotas.history(1, 2)] == [10, 10]
