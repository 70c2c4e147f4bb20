"""Processes side by side on a PostgreSQL server: who lives, and who is taken to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy.engine import make_url
from structlog.testing import capture_logs

from bot.domain.conversation.store import ConversationKey
from bot.errors import StorageError
from bot.storage.advisory_locks import HELD, Kind
from bot.storage.database import Database
from bot.storage.dialects import still_there
from bot.storage.engine import ServerOptions, open_transactions
from bot.storage.postgres_process import DOUBTED, LOOK_EVERY, MISSED, START_PATIENCE, PostgresProcess
from bot.storage.processes import entered
from tests.fakes.clocks import HandClock, HastyClock
from tests.fakes.postgres import administrate, emptied_database
from tests.fakes.questions import WIDE, question


async def sessions(url: str) -> list[int]:
    """The processes of the server that hold locks of this kind in the database."""
    found = """
        SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database
        WHERE locktype = 'advisory' AND datname = $1
    """
    rows = await administrate(lambda db: db.fetch(found, make_url(url).database))
    return [row["pid"] for row in rows]


async def end(*pids: int) -> None:
    """End sessions as a restart of the server does."""
    ends = "SELECT pg_terminate_backend(pid, 60000) FROM unnest($1::int[]) AS pid"
    await administrate(lambda db: db.execute(ends, pids))


async def there_now(url: str, *owners: str) -> frozenset[str]:
    """Which of these processes a transaction finds."""
    transactions = open_transactions(url, ServerOptions(connections=2))
    try:
        return await transactions.read(lambda connection: still_there(connection, owners))
    finally:
        await transactions.close()


@asynccontextmanager
async def here(url: str, clock: HandClock) -> AsyncIterator[PostgresProcess]:
    """A process with this clock."""
    async with entered(url, clock) as there:
        assert isinstance(there.process, PostgresProcess)
        yield there.process


async def test_processes_see_each_other_until_they_end() -> None:
    """A transaction sees it at once, a process at its next look. No lock is left."""
    url, clock = await emptied_database(), HandClock()
    async with here(url, clock) as one:
        async with here(url, clock) as other:
            assert await there_now(url, one.me, other.me, "nobody") == {one.me, other.me}
            await one.look()
            assert (one.others, other.others) == (1, 1)
        assert await there_now(url, one.me, other.me) == {one.me}
        assert one.is_alive(other.me)  # it was seen a moment ago, and may come back
        clock.advance(MISSED)
        await one.look()
        assert one.others == 0
        assert not one.is_alive(other.me)
        assert one.is_alive(one.me)
    assert await sessions(url) == []


async def test_a_lost_session_is_made_anew_at_once() -> None:
    """With its locks. Meanwhile, and for a while after, nobody is taken to be dead: all may have lost theirs."""
    url, clock = await emptied_database(), HandClock()
    async with here(url, clock) as process:
        assert await process.session.take(Kind.SHARD, 7)
        assert await process.session.rows(HELD, kind=int(Kind.CONNECTED)) == []
        watching = asyncio.create_task(process.watch(clock))
        await clock.asleep(timeout=60)
        before = await sessions(url)
        with capture_logs() as logs:
            await end(*before)
            while len(after := await sessions(url)) < 2 or set(after) & set(before):
                pass  # the server is asked again
            await clock.asleep(timeout=60)
        assert [entry["event"] for entry in logs] == ["database.session_lost", "database.session_regained"]
        assert len(before) == len(after) == 2
        assert process.is_alive("somebody")
        clock.advance(DOUBTED)
        assert not process.is_alive("somebody")
        watching.cancel()


async def test_a_session_that_only_the_server_believes_in_is_ended() -> None:
    """The connection broke without a word: the old session would keep the lock from its own process."""
    url, clock = await emptied_database(), HandClock()
    async with here(url, clock) as process:
        ghost, process.session._connection = process.session._connection, None
        watching = asyncio.create_task(process.watch(clock))
        before = await sessions(url)
        await clock.asleep(timeout=60)
        clock.advance(LOOK_EVERY)
        while len(after := await sessions(url)) != 1 or after == before:
            clock.advance(LOOK_EVERY)  # the ghost may end a moment after it was told to
        watching.cancel()
        assert ghost is not None
        await ghost.invalidate()
        await ghost.close()


async def test_what_a_dead_process_held_is_taken_over_and_a_living_ones_is_not() -> None:
    """The server is asked inside the transaction: a process that nobody has seen yet is not taken to be dead."""
    url, clock = await emptied_database(), HandClock()
    async with here(url, clock) as process, Database.open(url) as database:
        async with here(url, clock) as other:
            conversation = await database.conversations.conversation(ConversationKey(71))
            await database.requests.enqueue(question("runs", conversation=conversation), WIDE)
            assert await database.requests.claim(other.me, now=clock.now, lease=30.0)
            still_held = await database.requests.recover(process.me, now=clock.now, is_alive=process.is_alive)
            assert still_held.requeued == ()
            lease = {"now": clock.now(), "until": clock.now() + 15}
            assert await database.leader_lease.hold(other.me, is_alive=other.is_alive, **lease)
            assert not await database.leader_lease.hold(process.me, is_alive=process.is_alive, **lease)
        taken = await database.requests.recover(process.me, now=clock.now, is_alive=process.is_alive)
        assert taken.requeued == ("runs",)
        assert await database.leader_lease.hold(process.me, is_alive=process.is_alive, **lease)


async def test_a_server_that_does_not_answer_is_waited_for_and_then_told() -> None:
    """It may be starting too. The address's password is not repeated."""
    clock = HastyClock()
    with (
        capture_logs() as logs,
        pytest.raises(StorageError, match="database bot on 127") as failed,
    ):
        async with entered("postgresql+asyncpg://bot:Sesame42@127.0.0.1:1/bot", clock):
            pytest.fail("there is no server")
    assert {entry["event"] for entry in logs} == {"database.unreachable"}
    assert clock.at - HandClock().at >= START_PATIENCE
    assert "Sesame42" not in f"{failed.value} {failed.value.__cause__!r} {logs}"


async def test_a_lock_that_is_given_up_while_the_session_is_opened_anew_is_no_failure() -> None:
    """Another process has taken it meanwhile: the process goes on without it, and with the others."""
    url, clock = await emptied_database(), HandClock()
    async with here(url, clock) as process, here(url, HandClock()) as other:
        for kind in (Kind.SHARD, Kind.IDENTIFY, Kind.CONNECTED):
            assert await process.session.take(kind, 7)
        process.session._end()
        ghost, process.session._connection = process.session._connection, None
        assert ghost is not None
        await ghost.invalidate()
        while not await other.session.take(Kind.IDENTIFY, 7):
            pass  # the server has not noticed yet
        opening = asyncio.create_task(process.session.open())
        await clock.asleep()
        giving_up = asyncio.create_task(process.session.give_up(Kind.IDENTIFY, 7))
        while not opening.done():
            clock.advance(0.1)
            await asyncio.sleep(0)
        await asyncio.gather(opening, giving_up)
        assert not await other.session.take(Kind.SHARD, 7)
        assert not await other.session.take(Kind.CONNECTED, 7)
        assert process.session.reopened_at > float("-inf")
        await ghost.close()
