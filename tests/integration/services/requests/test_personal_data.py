"""Profiles, retention and forgetting on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import select

from bot.domain.conversation.profile import Profile, Scope, ScopeChain
from bot.domain.conversation.store import ConversationKey
from bot.domain.queue.request import Used
from bot.domain.queue.usage import DAY
from bot.errors import NotAllowed, QuotaUsed
from bot.services.access.operators import Operators, Person
from bot.services.access.profiles import Profiles
from bot.services.access.quotas import Quotas
from bot.services.access.rules import Access, Act
from bot.services.requests.cancellation import Cancellation
from bot.services.requests.personal_data import PersonalData
from bot.services.requests.revisions import Revisions
from bot.storage.database import Database
from bot.storage.engine import Transactions
from bot.storage.personal_data import SqlPersonalData
from bot.storage.tables import metadata
from bot.tasks.background import Background
from tests.fakes.clocks import FastClock, always
from tests.fakes.databases import ENGINES, empty_database
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


@pytest.fixture(params=ENGINES)
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    async with Database.open(await empty_database(request.param, tmp_path)) as database:
        yield Bench(database, Profiles(database.profiles, FastClock(1.0), DEFAULTS))


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
    """No table has a row of the person left from the next day on; other people's rows stay."""
    database = bench.database
    await database.conversations.conversation(ConversationKey(71))
    await answered(database, "mine", user=424_242)
    await answered(database, "theirs", user=7)
    await database.feedback.give("theirs", 424_242, 1, now=1.0)
    await database.preferences.set_announce(424_242, announce=False)

    forgotten = await database.personal.forget_user(424_242, today=1)

    assert (forgotten.questions, forgotten.turns, forgotten.thumbs, forgotten.days) == (1, 1, 1, 1)
    rows = await database.personal._transactions.read(
        lambda db: [tuple(row) for table in metadata.sorted_tables for row in db.execute(select(table))]
    )
    assert not [row for row in rows if 424_242 in row or "user 424242" in row]
    assert [turn.request_id for turn in await database.conversations.recent_turns(1, limit=9)] == ["theirs"]


async def test_q8_forgetting_oneself_does_not_bring_the_quota_back(bench: Bench) -> None:
    """Today's amount stays, without a name or any content, and goes with the day. Earlier days go at once."""
    database, clock = bench.database, FastClock(1.0)
    today = int(clock.now() // DAY)
    await database.conversations.conversation(ConversationKey(71))
    await answered(database, "yesterday", at=(today - 1) * DAY + 5.0)
    await answered(database, "today", at=today * DAY + 5.0)
    quotas = Quotas(database.usage, OPERATORS, clock, per_user=10, roles={})

    assert (await database.personal.forget_user(1, today=today)).days == 1

    with pytest.raises(QuotaUsed):
        await quotas.check(Person(1, 8))
    (row,) = await database.usage.of_server(8, since_day=0)
    assert (row.day, row.user_name, row.tokens) == (today, "", 10)
    await database.personal.forget_amounts(today=today)
    assert len(await quotas.history(1, 2)) == 1
    await database.personal.forget_amounts(today=today + 1)
    assert await quotas.history(1, 2) == []


async def test_q8_a_question_deleted_before_its_end_counts_for_the_quota(bench: Bench) -> None:
    """What the cluster wrote until then, and what it read."""
    database, clock = bench.database, FastClock(1.0)
    now = clock.now()
    await database.conversations.conversation(ConversationKey(71))
    await database.requests.enqueue(question("a", at=now), WIDE)
    await database.requests.claim("me", now=always(now), lease=30)
    assert await database.requests.mark_cancelled("a", now=now, used=Used(30, 12))
    quotas = Quotas(database.usage, OPERATORS, clock, per_user=42, roles={})
    assert (await quotas.allowance(Person(1, 8))).used == 42
    with pytest.raises(QuotaUsed):
        await quotas.check(Person(1, 8))


async def test_q8_the_share_of_somebody_who_was_forgotten_stays(bench: Bench) -> None:
    """Until the queue is empty: forgetting oneself is no way to its head."""
    requests = bench.database.requests
    await bench.database.conversations.conversation(ConversationKey(71))
    await bench.database.conversations.conversation(ConversationKey(72))
    await requests.enqueue(question("other", user=3), WIDE)
    await requests.claim("me", now=always(1.0), lease=300)
    for number in range(3):
        await requests.enqueue(question(f"used{number}", user=1), WIDE)
        await requests.claim("me", now=always(2.0), lease=300)
        await requests.mark_answered(f"used{number}", "me", answer(tokens=500), now=3.0)
    await bench.database.personal.forget_user(1, today=0)
    await requests.enqueue(question("again", user=1), WIDE)
    await requests.enqueue(question("two", user=2, conversation=2), WIDE)
    claimed = await requests.claim("me", now=always(4.0), lease=300)
    assert claimed is not None
    assert claimed.request_id == "two"


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


class Writes(SqlPersonalData):
    """Personal data whose writes are counted."""

    def __init__(self, transactions: Transactions) -> None:
        super().__init__(transactions)
        self.count = 0

    async def reword(self, message_id: int, prompt: str) -> int:
        """Count it."""
        self.count += 1
        return await super().reword(message_id, prompt)

    async def forget_message(self, message_id: int) -> int:
        """Count it."""
        self.count += 1
        return await super().forget_message(message_id)


class ShowsForgotten:
    """Shows nothing, because there are no messages here."""

    async def show_forgotten(self, request_ids: Sequence[str]) -> None:
        """Do nothing."""


async def test_q15_only_edits_and_deletions_of_questions_write(bench: Bench) -> None:
    """Everything else that people edit and moderators clean up costs a read: no flood of it delays questions."""
    store = Writes(bench.database.personal._transactions)
    await bench.database.conversations.conversation(ConversationKey(71))
    await answered(bench.database, "a", source=500)
    cancellation = cast("Cancellation", None)  # nothing is open
    revisions = cast("Revisions", ShowsForgotten())
    background = Background()
    personal = PersonalData(
        store, bench.database.requests, cancellation, revisions, bench.profiles, background, FastClock(1.0)
    )
    for message_id in range(100):
        await personal.message_edited(message_id, "words")
        await personal.message_deleted(message_id)
    assert store.count == 0
    await personal.message_edited(500, "new words")
    await personal.message_deleted(500)
    assert store.count == 2
    assert await bench.database.conversations.recent_turns(1, limit=9) == []


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


async def test_a_place_where_nothing_is_set_any_more_has_no_row(bench: Bench) -> None:
    """What was reset is not stored, and inherits again."""
    for chosen in ("Channel.", None):
        await bench.profiles.choose(CHANNEL, {"persona": chosen}, by=5)
    assert await bench.database.profiles.chosen([71]) == {}
    assert (await bench.profiles.of(PLACE.ids)).origins == {}
