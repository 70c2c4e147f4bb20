"""A summary is stored only as long as every turn that it was made of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.conversation.store import ConversationKey
from bot.domain.conversation.summary import Summary
from bot.domain.queue.request import RequestKind
from bot.storage.database import Database
from tests.fakes.clocks import always
from tests.fakes.databases import ENGINES, empty_database
from tests.fakes.questions import WIDE, answer, question

ADA, BEN = 1, 2


@pytest.fixture(params=ENGINES)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A channel (1) with a turn of Ada and one of Ben, and another (2) with one of Ada."""
    async with Database.open(await empty_database(request.param, tmp_path)) as opened:
        assert await opened.conversations.conversation(ConversationKey(71, 8)) == 1
        assert await opened.conversations.conversation(ConversationKey(72, 8)) == 2
        await answered(opened, "a", user=ADA, source=11)
        await answered(opened, "b", user=BEN, source=12, at=500.0)
        await answered(opened, "c", user=ADA, conversation=2, source=13)
        yield opened


async def answered(
    database: Database, request_id: str, *, user: int, conversation: int = 1, at: float = 0.0, source: int = 0
) -> None:
    asked = replace(question(request_id, user=user, conversation=conversation, at=at), source_message_id=source)
    await database.requests.enqueue(asked, WIDE)
    await taken(database, request_id, at=at)


async def taken(database: Database, request_id: str, *, at: float = 0.0) -> None:
    assert await database.requests.claim("me", now=always(at), lease=30) is not None
    assert await database.requests.mark_answered(request_id, "me", answer(request_id), now=at)
    await database.requests.mark_delivered(request_id, now=at)


async def summarised(database: Database, conversation: int = 1, *, text: str = "gist") -> bool:
    turns = (await database.conversations.recent_turns(conversation, limit=10))[::-1]
    summary = Summary(text, turns[-1].turn_id, 1.0)
    return await database.summaries.keep(conversation, summary, made_of=turns, after=None)


async def text(database: Database, conversation: int = 1) -> str | None:
    kept = await database.summaries.summary(conversation)
    return None if kept is None else kept.text


async def test_it_is_kept_and_continued(database: Database) -> None:
    """A later summary replaces the first, and depends on the turns of both."""
    assert await summarised(database)
    first = await database.summaries.summary(1)
    assert first is not None
    await answered(database, "d", user=BEN, at=600.0)
    (newest, *_) = await database.conversations.recent_turns(1, limit=1)
    second = Summary("more", newest.turn_id, 2.0)
    assert not await database.summaries.keep(1, second, made_of=[newest], after=None), "not after this one"
    assert await database.summaries.keep(1, second, made_of=[newest], after=first.upto)
    assert await database.summaries.summary(1) == second

    await database.personal.forget_message(11)
    assert await text(database) is None


@pytest.mark.parametrize("message", [11, 12])
async def test_an_edited_or_deleted_message_drops_it(database: Database, message: int) -> None:
    """Other channels keep their summaries."""
    for change in (database.personal.reword(message, "new words"), database.personal.forget_message(message)):
        assert await summarised(database)
        await summarised(database, 2)
        await change
        assert await text(database) is None
        assert await text(database, 2) == "gist"


async def test_forgetting_a_person_drops_what_tells_of_them(database: Database) -> None:
    """In every conversation that the person took part in."""
    await summarised(database)
    await summarised(database, 2)
    await database.personal.forget_user(BEN, today=0)
    assert (await text(database), await text(database, 2)) == (None, "gist")
    await database.personal.forget_user(ADA, today=0)
    assert await text(database, 2) is None


async def test_clearing_and_retention_drop_it(database: Database) -> None:
    """A summary is removed with the oldest turn that it was made of."""
    await summarised(database)
    await database.personal.expire(1, before=0.0)
    assert await text(database) == "gist"
    await database.personal.expire(1, before=100.0)
    assert await text(database) is None
    await summarised(database)
    await database.conversations.clear(1)
    assert await text(database) is None


async def test_a_new_version_of_an_answer_drops_it(database: Database) -> None:
    """The summary was made of the old words."""
    await summarised(database)
    again = replace(question("a2", user=ADA, kind=RequestKind.REGENERATE, root="a"), source_message_id=None)
    await database.requests.enqueue(again, WIDE)
    await taken(database, "a2")
    assert await text(database) is None


async def test_words_that_are_forgotten_while_it_is_written_are_not_kept(database: Database) -> None:
    """The cluster read the turns before they changed, so its summary is not stored."""
    turns = (await database.conversations.recent_turns(1, limit=10))[::-1]
    summary = Summary("gist", turns[-1].turn_id, 1.0)
    await database.personal.reword(11, "other words")
    assert not await database.summaries.keep(1, summary, made_of=turns, after=None)
    await database.personal.forget_user(ADA, today=0)
    assert not await database.summaries.keep(1, summary, made_of=turns, after=None)
    assert await text(database) is None


async def test_a_person_exports_what_was_made_of_their_words_alone(database: Database) -> None:
    """A summary of other people's turns too is not exported."""
    await summarised(database)
    await summarised(database, 2, text="Ada alone")
    assert [one.text for one in await database.personal.summaries_of(ADA)] == ["Ada alone"]
    assert list(await database.personal.summaries_of(BEN)) == []
