"""One process at a time has a database of a PostgreSQL server."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from sqlalchemy.engine import make_url
from structlog.testing import capture_logs

from bot.errors import DatabaseInUse, StorageError
from bot.storage.ownership import owned
from bot.storage.postgres_lock import LOOK_EVERY, START_PATIENCE, TRY_EVERY, PostgresLock
from tests.fakes.clocks import HandClock, HastyClock
from tests.fakes.postgres import administrate, emptied_database


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


async def test_a_second_process_waits_until_the_first_has_ended() -> None:
    """The wait is said once, and its end. Whoever does not want to wait hears it at once."""
    url, clock = await emptied_database(), HandClock()
    async with AsyncExitStack() as first, AsyncExitStack() as second:
        one = await first.enter_async_context(owned(url, clock))
        with capture_logs() as logs:
            waiting = asyncio.create_task(second.enter_async_context(owned(url, clock)))
            await clock.asleep(timeout=60)
            with pytest.raises(DatabaseInUse, match="another process uses the PostgreSQL database"):
                async with owned(url, clock, wait=False):
                    pass
            await first.aclose()
            clock.advance(TRY_EVERY)
            other = await waiting
    assert [entry["event"] for entry in logs] == ["database.in_use", "database.free"]
    assert one.is_alive(one.me)
    assert not other.is_alive(one.me)
    assert await sessions(url) == []


async def test_a_lost_session_is_made_anew() -> None:
    """The server was started again, and nobody was faster."""
    url, clock = await emptied_database(), HandClock()
    async with owned(url, clock) as lock:
        watching = asyncio.create_task(lock.watch(clock))
        await clock.asleep(timeout=60)
        before = await sessions(url)
        await end(*before)
        with capture_logs() as logs:
            for _ in range(2):
                clock.advance(LOOK_EVERY)
                await clock.asleep(timeout=60)
        after = await sessions(url)
        watching.cancel()
    assert [entry["event"] for entry in logs] == ["database.session_lost", "database.session_regained"]
    assert len(before) == len(after) == 1
    assert before != after


async def test_whoever_was_faster_has_the_database() -> None:
    """The process that lost its session ends, because another one works on what it held."""
    url, clock = await emptied_database(), HandClock()
    async with owned(url, clock) as lock:
        watching = asyncio.create_task(lock.watch(clock))
        await clock.asleep(timeout=60)
        await end(*await sessions(url))
        async with owned(url, clock):
            clock.advance(LOOK_EVERY)
            await clock.asleep(timeout=60)
            clock.advance(LOOK_EVERY)
            with pytest.raises(StorageError, match="another process uses"):
                await watching


async def test_a_session_that_only_the_server_believes_in_is_ended() -> None:
    """The connection broke without a word: the lock's old session would keep the lock from its own process."""
    url, clock = await emptied_database(), HandClock()
    async with owned(url, clock) as lock:
        assert isinstance(lock, PostgresLock)
        ghost, lock._session = lock._session, None
        watching = asyncio.create_task(lock.watch(clock))
        await clock.asleep(timeout=60)
        before = await sessions(url)
        clock.advance(LOOK_EVERY)
        await clock.asleep(timeout=60)
        assert len(await sessions(url)) == len(before) == 1
        assert await sessions(url) != before
        watching.cancel()
        assert ghost is not None
        await ghost.invalidate()
        await ghost.close()


async def test_a_server_that_does_not_answer_is_waited_for_and_then_told() -> None:
    """It may be starting too. The address's password is not repeated."""
    clock = HastyClock()
    with (
        capture_logs() as logs,
        pytest.raises(StorageError, match="database bot on 127") as failed,
    ):
        async with owned("postgresql+asyncpg://bot:Sesame42@127.0.0.1:1/bot", clock):
            pytest.fail("there is no server")
    assert [entry["event"] for entry in logs] == ["database.unreachable"]
    assert clock.at - HandClock().at >= START_PATIENCE
    assert "Sesame42" not in f"{failed.value} {failed.value.__cause__!r} {logs}"
