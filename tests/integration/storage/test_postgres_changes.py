"""What one process hears of the others' changes of the queue, on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy.engine import make_url
from structlog.testing import capture_logs

from bot.domain.conversation.store import ConversationKey
from bot.domain.queue.store import Admission, QueuePause
from bot.storage.database import Database
from bot.storage.engine import ServerOptions
from bot.storage.postgres_changes import CHANNEL, POLL_EVERY
from bot.storage.postgres_transactions import PostgresTransactions
from tests.fakes.clocks import HandClock, always
from tests.fakes.postgres import administrate, emptied_database
from tests.fakes.questions import WIDE, answer, question

CHANGES: dict[str, Callable[[Database], Awaitable[object]]] = {
    "join": lambda db: db.requests.join(question("new", user=5), ConversationKey(1), [], Admission(WIDE)),
    "cancel": lambda db: db.requests.mark_cancelled("waits", now=5.0),
    "release": lambda db: db.requests.release("runs", "me", now=5.0),
    "claim": lambda db: db.requests.claim("me", now=always(5.0), lease=30),
    "answer": lambda db: db.requests.mark_answered("runs", "me", answer(), now=5.0),
    "delivered": lambda db: db.requests.mark_delivered("runs", now=5.0),
    "late cancel": lambda db: db.requests.mark_cancelled("unknown", now=5.0),
    "pause": lambda db: db.requests.pause(QueuePause("new model", 7, 5.0)),
    "no claim": lambda db: db.requests.claim("me", now=always(5.0), lease=30),
    "resume": lambda db: db.requests.pause(None),
    "fact": lambda db: db.facts.put("key", "value"),
}
QUIET = {"no claim", "delivered", "late cancel", "fact"}
"""What lets no other process do anything. If a look at the queue that takes nothing were told, two processes would
wake each other for ever."""


@asynccontextmanager
async def listening(url: str, clock: HandClock) -> AsyncIterator[PostgresTransactions]:
    """A process that listens, and has looked once."""
    transactions = PostgresTransactions(url, ServerOptions(connections=2), clock)
    task = asyncio.create_task(transactions.changes.run())
    try:
        await transactions.changes.wait()
        await clock.asleep(timeout=60)
        yield transactions
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await transactions.close()


@pytest.fixture
async def url() -> str:
    """A database where one question runs and another waits."""
    url = await emptied_database()
    async with Database.open(url) as database:
        for user, name in ((1, "runs"), (2, "waits")):
            await database.requests.join(question(name, user=user), ConversationKey(user), [], Admission(WIDE))
        await database.requests.claim("me", now=always(1.0), lease=30)
    return url


async def test_changes_are_told_and_a_look_is_not(url: str) -> None:
    """Once each, when they are committed."""
    told: list[str] = []
    ended = asyncio.Event()

    def hear(_: object, __: int, ___: str, payload: str) -> None:
        told.append(payload)
        if payload == "end":
            ended.set()

    async def listen(connection: Any) -> None:
        await connection.add_listener(CHANNEL, hear)
        async with Database.open(url) as database:
            for name, change in CHANGES.items():
                await change(database)
                await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, name)
        await connection.execute("SELECT pg_notify($1, 'end')", CHANNEL)
        await asyncio.wait_for(ended.wait(), 60)

    await administrate(listen, make_url(url).database)
    (process,) = {payload for payload in told if payload not in {*CHANGES, "end"}}
    expected = [one for name in CHANGES for one in ((name,) if name in QUIET else (process, name))]
    assert told == [*expected, "end"]


async def test_ones_own_changes_are_not_heard(url: str) -> None:
    """The process that makes one knows it already."""
    async with listening(url, HandClock()) as process, Database.open(url) as other:
        own = Database(process)
        await CHANGES["join"](own)
        await CHANGES["pause"](own)
        assert not process.changes._changed.is_set()
        await CHANGES["resume"](other)
        async with asyncio.timeout(60):
            await process.changes.wait()


async def test_while_nothing_can_be_heard_the_queue_is_looked_at(url: str) -> None:
    """The connection breaks: every few seconds counts as a change, until it is there again."""
    clock = HandClock()
    ends = "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = $1"
    with capture_logs() as logs:
        async with listening(url, clock) as process:
            await administrate(lambda db: db.execute(ends, make_url(url).database))
            async with asyncio.timeout(60):
                await process.changes.wait()
            async with Database.open(url) as other:
                await CHANGES["cancel"](other)
                clock.advance(POLL_EVERY)
                async with asyncio.timeout(60):
                    await process.changes.wait()
                await clock.asleep(timeout=60)
                await CHANGES["release"](other)
                async with asyncio.timeout(60):
                    await process.changes.wait()
    assert [entry["event"] for entry in logs] == ["queue.changes_not_heard", "queue.changes_heard_again"]
