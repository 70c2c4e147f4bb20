"""Questions that have ended are remembered until their messages show it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bot.domain.conversation.store import ConversationKey
from bot.domain.queue.request import RequestState
from bot.storage.database import Database
from tests.fakes.clocks import always
from tests.fakes.databases import ENGINES, empty_database
from tests.fakes.questions import TOKEN, WIDE, answer, question


@pytest.fixture(params=ENGINES)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database with one conversation."""
    async with Database.open(await empty_database(request.param, tmp_path)) as opened:
        await opened.conversations.conversation(ConversationKey(71))
        yield opened


ENDS: dict[RequestState, Callable[[Database], Awaitable[object]]] = {
    RequestState.CANCELLED: lambda database: database.requests.mark_cancelled("a", now=30.0),
    RequestState.FAILED: lambda database: database.requests.mark_failed("a", "error.scheduler", now=30.0),
    RequestState.EXPIRED: lambda database: database.requests.expire(before=20.0, now=30.0),
}


@pytest.mark.parametrize("state", ENDS)
async def test_an_end_is_remembered_with_its_token(database: Database, state: RequestState) -> None:
    """In the same transaction; the token is for the last edit, and goes with the end."""
    await database.requests.enqueue(question("a", at=10.0), WIDE)
    await database.requests.attach_message("a", 0, 77)
    assert await database.unshown_ends.oldest() == []

    await ENDS[state](database)

    (left,) = await database.unshown_ends.oldest()
    assert (left.request_id, left.state, left.message_ids) == ("a", state, (77,))
    assert left.question.destination.token == TOKEN
    assert left.question.destination.token_expires_at == 910.0
    await database.unshown_ends.remove("a")
    assert await database.unshown_ends.oldest() == []


async def test_a_cleared_queue_is_remembered_in_order(database: Database) -> None:
    """Each question once."""
    for name in ("a", "b", "c"):
        await database.requests.enqueue(question(name), WIDE)
    await database.requests.clear(now=30.0)
    assert [one.request_id for one in await database.unshown_ends.oldest()] == ["a", "b", "c"]


async def test_an_answer_is_not_unless_it_is_added(database: Database) -> None:
    """It is `answered` until it is shown. A message that turns up later adds it, once."""
    await database.requests.enqueue(question("a"), WIDE)
    await database.requests.claim("me", now=always(20.0), lease=30)
    await database.requests.mark_answered("a", "me", answer(), now=22.0)
    await database.requests.mark_delivered("a", now=23.0)
    assert await database.unshown_ends.oldest() == []
    for now in (30.0, 31.0):
        await database.unshown_ends.add("a", now=now)
    (left,) = await database.unshown_ends.oldest()
    assert left.answer == answer()
    assert left.question.destination.token is None


async def test_what_is_forgotten_is_forgotten_here_too(database: Database) -> None:
    """With its token."""
    await database.requests.enqueue(question("a", user=4), WIDE)
    await database.requests.clear(now=30.0)
    await database.personal.forget_user(4, today=1)
    assert await database.unshown_ends.oldest() == []
