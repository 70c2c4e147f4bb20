"""What people wrote in a channel is stored only until its summary has ended, however it ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.conversation.store import ConversationKey
from bot.domain.queue.request import RequestKind, Used
from bot.storage.database import Database
from tests.fakes.clocks import always
from tests.fakes.databases import ENGINES, empty_database
from tests.fakes.questions import WIDE, answer, question


@pytest.fixture(params=ENGINES)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(await empty_database(request.param, tmp_path)) as opened:
        yield opened


@pytest.mark.parametrize("end", ["answered", "failed", "stopped", "withdrawn", "expired", "cleared"])
async def test_an_ended_summary_holds_nothing_of_the_channel(database: Database, end: str) -> None:
    """A question's attached text stays: it may be asked again."""
    store = database.requests
    conversation = await database.conversations.conversation(ConversationKey(71))
    for request_id, kind in (("s", RequestKind.SUMMARY), ("q", RequestKind.ASK)):
        asked = question(request_id, kind=kind, conversation=conversation, attached_text="1 1\nwhat people wrote")
        await store.enqueue(asked, WIDE)
        if end not in {"withdrawn", "expired", "cleared"}:
            await store.claim("me", now=always(10.0), lease=30)
        match end:
            case "answered":
                assert await store.mark_answered(request_id, "me", answer(), now=20.0)
            case "failed":
                assert await store.mark_failed(request_id, "error.unexpected", now=20.0)
            case "stopped":
                assert await store.mark_cancelled(request_id, now=20.0, used=Used(1, 1), owner="me")
            case "withdrawn":
                assert await store.mark_cancelled(request_id, now=20.0)
            case "expired":
                assert await store.expire(before=15.0, now=20.0)
            case _:
                assert await store.clear(now=20.0)
    kept = [await store.get(request_id) for request_id in "sq"]
    assert [one and one.question.attached_text for one in kept] == ["", "1 1\nwhat people wrote"]
