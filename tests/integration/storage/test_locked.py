"""What a lock of another process does to leases, and what the database will never take."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.conversation.store import ConversationKey
from bot.domain.queue.request import RequestState
from bot.errors import ValueRefused
from bot.storage.database import Database
from bot.storage.engine import database_file
from tests.fakes.clocks import HandClock, always
from tests.fakes.databases import new_database
from tests.fakes.owners import everybody
from tests.fakes.questions import WIDE, answer, question

LOCKED = 100.0
"""Seconds: longer than any lease."""

LEASED: dict[str, Callable[[Database, Callable[[], float]], Awaitable[object]]] = {
    "claim": lambda db, now: db.requests.claim("me", now=now, lease=30),
    "renew": lambda db, now: db.requests.renew("me", ["runs"], now=now, lease=30),
}


@pytest.fixture
async def url(tmp_path: Path) -> str:
    """A database where one question runs and another waits."""
    url = new_database(tmp_path)
    async with Database.open(url) as database:
        for number, name in ((1, "runs"), (2, "waits")):
            await database.conversations.conversation(ConversationKey(number))
            await database.requests.enqueue(question(name, user=number, conversation=number), WIDE)
        await database.requests.claim("me", now=always(10.0), lease=30)
    return url


@asynccontextmanager
async def locked(url: str, clock: HandClock) -> AsyncIterator[None]:
    """Another process holds the database from before this block until its end, which is a long time later."""
    with closing(sqlite3.connect(database_file(url), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        # What was begun in the block is on its way to the writer now.
        await asyncio.sleep(0)
        clock.advance(LOCKED)
        other.execute("ROLLBACK")


@pytest.mark.parametrize("change", LEASED)
async def test_a_lease_begins_when_the_lock_ends(url: str, change: str) -> None:
    """It would be over when it begins, if its clock were read before the wait."""
    clock = HandClock(20.0)
    async with Database.open(url) as database:
        async with locked(url, clock):
            write = asyncio.ensure_future(LEASED[change](database, clock.now))
        await write
        running = await database.requests.running()

    assert clock.now() + 30 in {one.lease_until for one in running}


async def test_a_lease_that_ends_during_the_lock_is_over_after_it(url: str) -> None:
    """What another process holds too long is taken by the time when the transaction runs."""
    clock = HandClock(20.0)
    async with Database.open(url) as database:
        async with locked(url, clock):
            recovering = asyncio.ensure_future(
                database.requests.recover("another", now=clock.now, is_alive=everybody)
            )
        recovered = await recovering

    assert recovered.requeued == ("runs",)


@pytest.mark.parametrize("tokens", [2**63, 10**400])
async def test_a_number_that_cannot_be_stored_is_refused_for_good(url: str, tokens: int) -> None:
    """It is told from a disk that fails, which may pass; nothing of the answer is kept."""
    async with Database.open(url) as database:
        with pytest.raises(ValueRefused):
            await database.requests.mark_answered(
                "runs", "me", replace(answer(), completion_tokens=tokens), now=21.0
            )
        runs = await database.requests.get("runs")
        turns = await database.conversations.recent_turns(1, limit=5)

    assert runs is not None
    assert (runs.state, runs.answer, list(turns)) == (RequestState.RUNNING, None, [])


async def test_a_row_that_contradicts_others_is_refused_for_good(url: str) -> None:
    """A question for a conversation that does not exist."""
    async with Database.open(url) as database:
        with pytest.raises(ValueRefused):
            await database.requests.enqueue(question("a", conversation=404), WIDE)
