"""What was heard and taken is stored: the marks of the shards, the channels, and the messages that were taken."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.conversation.store import ConversationKey
from bot.domain.queue.missed import HeardPlace, Mark, first_id
from bot.domain.queue.request import RequestKind
from bot.storage.database import Database
from bot.storage.missed import KEPT_FOR
from tests.fakes.databases import ENGINES, empty_database
from tests.fakes.questions import WIDE, question

NOW = 1_700_000_000.0


@pytest.fixture(params=ENGINES)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database with three conversations: two channels and direct messages."""
    async with Database.open(await empty_database(request.param, tmp_path)) as opened:
        for key in (ConversationKey(71, 8), ConversationKey(72, 8), ConversationKey(73)):
            await opened.conversations.conversation(key)
        yield opened


async def test_marks_move(database: Database) -> None:
    """Those of another number of shards are forgotten after a week."""
    await database.missed.note([])
    assert await database.missed.marks() == []
    await database.missed.note([Mark(0, 2, NOW), Mark(1, 2, NOW)])
    await database.missed.note([Mark(1, 2, NOW + 30.5)])
    await database.facts.put("another", "fact")
    assert set(await database.missed.marks()) == {Mark(0, 2, NOW), Mark(1, 2, NOW + 30.5)}
    await database.missed.note([Mark(0, 1, NOW + 60)])
    assert len(await database.missed.marks()) == 3
    await database.missed.note([Mark(0, 1, NOW + KEPT_FOR + 100)])
    assert await database.missed.marks() == [Mark(0, 1, NOW + KEPT_FOR + 100)]
    assert await database.facts.get("another") == "fact"


async def test_channels_that_were_used_are_known(database: Database) -> None:
    """The one used last first; not those where it was long ago, nor where the bot cannot write by itself."""
    await database.requests.enqueue(question("a", conversation=1, at=NOW), WIDE)
    await database.requests.enqueue(question("b", conversation=2, at=NOW - 100), WIDE)
    direct = question("c", conversation=3, at=NOW + 5)
    await database.requests.enqueue(replace(direct, destination=replace(direct.destination, guild_id=None)), WIDE)
    here, there, ben = HeardPlace(71, 8), HeardPlace(72, 8), HeardPlace(73, None)
    assert await database.missed.heard_places(since=NOW - 200, most=9) == [ben, here, there]
    assert await database.missed.heard_places(since=NOW - 200, most=2) == [ben, here]
    assert await database.missed.heard_places(since=NOW - 50, most=9) == [ben, here]
    await database.requests.enqueue(question("d", conversation=2, at=NOW + 10, private=True), WIDE)
    await database.requests.enqueue(question("e", conversation=2, at=NOW + 10, kind=RequestKind.API), WIDE)
    assert await database.missed.heard_places(since=NOW - 50, most=9) == [ben, here]


async def test_a_message_is_open_until_it_or_a_later_one_is_taken(database: Database) -> None:
    """Of the same person, in the same channel."""
    before, missed, after = (first_id(NOW + seconds) for seconds in (-10, 0, 10))

    async def is_open() -> bool:
        return await database.missed.is_open(missed, author_id=1, channel_id=71)

    async def take(
        name: str, message: int | None, *, user: int = 1, channel: int = 1, at: float = NOW + 60
    ) -> None:
        taken = replace(question(name, user=user, conversation=channel, at=at), source_message_id=message)
        await database.requests.enqueue(taken, WIDE)

    await take("older", before)
    await take("somebody else's", after, user=2)
    await take("elsewhere", after + 1, channel=2)
    await take("earlier command", None, at=NOW - 5)
    assert await is_open()
    await take("later command", None, at=NOW + 5)
    assert not await is_open()
    await database.requests.mark_cancelled("later command", now=NOW)
    assert not await is_open()


@pytest.mark.parametrize("seconds", [0, 10])
async def test_what_was_taken_is_not_open(database: Database, seconds: int) -> None:
    """The message itself, or a later one."""
    taken = replace(question("a", at=NOW + 60), source_message_id=first_id(NOW + seconds))
    assert await database.missed.is_open(first_id(NOW), author_id=1, channel_id=71)
    await database.requests.enqueue(taken, WIDE)
    assert not await database.missed.is_open(first_id(NOW), author_id=1, channel_id=71)
