"""Writes that wait together: one commit, each for itself, urgent ones first, whole or not at all."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from sqlalchemy import Connection, delete, event, insert, select, text
from sqlalchemy.util import await_only

from bot.errors import DatabaseLocked, StorageError, UserError
from bot.storage import sqlite
from bot.storage.engine import database_file
from bot.storage.group_commit import TOGETHER
from bot.storage.sqlite_transactions import SqliteTransactions
from bot.storage.statements import unasked
from bot.storage.tables import facts
from tests.fakes.databases import new_database


def put(key: str) -> Callable[[Connection], str]:
    """A transaction that keeps ``key`` and returns it."""

    def work(connection: Connection) -> str:
        connection.execute(insert(facts).values(key=key, value=""))
        return key

    return work


def refused(connection: Connection) -> str:
    """A transaction that undoes its work, as it happens when the queue is full."""
    connection.execute(insert(facts).values(key="refused", value=""))
    raise UserError("no", key="error.empty_prompt")


async def hold_writer(transactions: SqliteTransactions) -> tuple[asyncio.Event, asyncio.Task[object]]:
    """Let a transaction have the writer until the event is set; returns when it has begun."""
    begun, free = asyncio.Event(), asyncio.Event()

    def hold(connection: Connection) -> None:
        connection.execute(insert(facts).values(key="held", value=""))
        begun.set()
        await_only(free.wait())
        connection.execute(delete(facts).where(facts.c.key == "held"))

    busy = asyncio.create_task(transactions.write(hold))
    await begun.wait()
    return free, busy


async def at_once(
    transactions: SqliteTransactions, works: Sequence[Callable[[Connection], str]]
) -> tuple[list[str | BaseException], int]:
    """Write all of ``works`` while the writer is busy; returns the result of each, and the number of commits."""
    commits = 0

    def count(_: Connection) -> None:
        nonlocal commits
        commits += 1

    free, busy = await hold_writer(transactions)
    writes = [asyncio.create_task(transactions.write(work)) for work in works]
    await asyncio.wait({busy, *writes}, timeout=0)
    event.listen(transactions._writes.engine.sync_engine, "commit", count)
    free.set()
    await busy
    return await asyncio.gather(*writes, return_exceptions=True), commits - 1


async def test_writes_that_wait_share_a_commit(tmp_path: Path) -> None:
    """A burst costs a few commits, not one for each write; a refused write undoes only its own changes."""
    transactions = SqliteTransactions(database_file(new_database(tmp_path)))
    names = [f"{number:03d}" for number in range(2 * TOGETHER + 8)]
    try:
        results, commits = await at_once(transactions, [put(names[0]), refused, *map(put, names[1:])])
        kept = await transactions.read(lambda connection: list(connection.scalars(select(facts.c.key))))
    finally:
        await transactions.close()

    assert isinstance(results.pop(1), UserError)
    assert results == names
    assert sorted(kept) == names
    assert commits == 3


async def test_q6_writes_that_meet_a_lock_wait_for_it_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are told so after one wait; each by itself would wait as long again."""
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)
    file = database_file(new_database(tmp_path))
    transactions, begun = SqliteTransactions(file), 0

    def count(_: Connection) -> None:
        nonlocal begun
        begun += 1

    event.listen(transactions._writes.engine.sync_engine, "begin", count)
    try:
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            writes = [asyncio.create_task(transactions.write(put(str(number)))) for number in range(8)]
            results = await asyncio.gather(*writes, return_exceptions=True)
            other.execute("ROLLBACK")
        again = await transactions.write(put("afterwards"))
    finally:
        await transactions.close()
    assert [type(result) for result in results] == [DatabaseLocked] * 8
    assert again == "afterwards"
    assert begun <= 3


async def test_what_is_urgent_overtakes_what_waits(tmp_path: Path) -> None:
    """Each kind keeps its order; nobody waits for more than one shared commit of the others."""
    transactions = SqliteTransactions(database_file(new_database(tmp_path)))
    order: list[str] = []

    def noted(key: str) -> Callable[[Connection], None]:
        def work(connection: Connection) -> None:
            connection.execute(insert(facts).values(key=key, value=""))
            order.append(key)

        return work

    try:
        free, busy = await hold_writer(transactions)
        ordinary = [asyncio.create_task(transactions.write(noted(f"later {n:02d}"))) for n in range(20)]
        urgent = [asyncio.create_task(transactions.write(noted(f"first {n}"), urgent=True)) for n in range(3)]
        await asyncio.wait({busy, *ordinary, *urgent}, timeout=0)
        free.set()
        await asyncio.gather(busy, *ordinary, *urgent)
    finally:
        await transactions.close()

    assert order == [*(f"first {n}" for n in range(3)), *(f"later {n:02d}" for n in range(20))]


async def test_who_is_cancelled_before_its_turn_changes_nothing(tmp_path: Path) -> None:
    """One whose transaction runs already changes everything it was to: never a part."""
    transactions = SqliteTransactions(database_file(new_database(tmp_path)))
    begun, go_on = asyncio.Event(), asyncio.Event()

    def two_steps(connection: Connection) -> None:
        connection.execute(insert(facts).values(key="one", value=""))
        begun.set()
        await_only(go_on.wait())
        connection.execute(insert(facts).values(key="two", value=""))

    try:
        running = asyncio.create_task(transactions.write(two_steps))
        await begun.wait()
        waiting = asyncio.create_task(transactions.write(put("never")))
        await asyncio.wait({waiting}, timeout=0)
        running.cancel()
        waiting.cancel()
        await asyncio.wait({running, waiting})
        go_on.set()
        kept = [await transactions.write(lambda connection: list(connection.scalars(select(facts.c.key))))]
    finally:
        await transactions.close()

    assert running.cancelled()
    assert waiting.cancelled()
    assert [sorted(keys) for keys in kept] == [["one", "two"]]


async def test_closing_finishes_what_was_submitted_and_takes_nothing_more(tmp_path: Path) -> None:
    """No thread and no connection is left."""
    file = database_file(new_database(tmp_path))
    transactions = SqliteTransactions(file)
    free, busy = await hold_writer(transactions)
    writes = [asyncio.create_task(transactions.write(put(key))) for key in "abc"]
    await asyncio.wait({busy, *writes}, timeout=0)
    closing_it = asyncio.create_task(transactions.close())
    await asyncio.wait({closing_it}, timeout=0)

    with pytest.raises(StorageError, match="closed"):
        await transactions.write(put("late"))
    free.set()
    await closing_it

    assert await asyncio.gather(*writes) == ["a", "b", "c"]
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT key FROM facts ORDER BY key").fetchall() == [("a",), ("b",), ("c",)]
    # A connection is closed a moment before its thread returns.
    threads = [thread for thread in threading.enumerate() if "_connection_worker_thread" in thread.name]
    for thread in threads:
        thread.join(5.0)
    assert not [thread.name for thread in threads if thread.is_alive()]


async def test_a_file_that_cannot_be_opened_is_said_to_everybody_who_waits(tmp_path: Path) -> None:
    """And the next attempt tries again."""
    folder = tmp_path / "missing"
    transactions = SqliteTransactions(folder / "bot.db")
    try:
        refused_all = await asyncio.gather(*(transactions.write(put(key)) for key in "ab"), return_exceptions=True)
        assert ["unable to open" in str(error) for error in refused_all] == [True, True]
        assert all(isinstance(error, StorageError) for error in refused_all)
        folder.mkdir()
        assert await transactions.write(lambda connection: connection.scalar(text("SELECT 1"))) == 1
    finally:
        await transactions.close()


async def test_a_statement_is_one_trip_to_the_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And so is the commit. Beginning, and a change whose result nobody asks for, go with what follows."""
    trips = 0
    execute: Any = aiosqlite.Connection._execute  # whatever asks the thread for something passes here

    async def counted(self: aiosqlite.Connection, *arguments: object, **named: object) -> object:
        nonlocal trips
        trips += 1
        return await execute(self, *arguments, **named)

    def work(connection: Connection) -> list[str]:
        connection.execute(unasked(insert(facts)), {"key": "b", "value": ""})
        connection.execute(unasked(insert(facts)), [{"key": key, "value": ""} for key in "ac"])
        assert connection.execute(delete(facts).where(facts.c.key == "b")).rowcount == 1
        gone = connection.execute(delete(facts).where(facts.c.key == "c").returning(facts.c.key)).scalars().all()
        left = connection.execute(select(facts.c.key)).scalars().all()
        connection.execute(unasked(insert(facts)), {"key": "d", "value": ""})
        return [*gone, *left]

    transactions = SqliteTransactions(database_file(new_database(tmp_path)))
    try:
        await transactions.write(lambda connection: connection.scalar(text("SELECT 1")))
        monkeypatch.setattr(aiosqlite.Connection, "_execute", counted)
        assert await transactions.write(work) == ["c", "a"]
        monkeypatch.undo()
        assert await transactions.read(lambda db: db.scalars(select(facts.c.key)).all()) == ["a", "d"]
    finally:
        monkeypatch.undo()
        await transactions.close()

    assert trips == 4 + 1


async def test_a_brief_transaction_is_two_trips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One to begin, which may have to wait for a lock, and one for the commit, which waits for the disk, however
    many statements it has and however many share the commit. Others go to the thread for each statement."""
    trips = 0
    execute: Any = aiosqlite.Connection._execute  # whatever asks the thread for something passes here

    async def counted(self: aiosqlite.Connection, *arguments: object, **named: object) -> object:
        nonlocal trips
        trips += 1
        return await execute(self, *arguments, **named)

    def several(key: str) -> Callable[[Connection], list[str]]:
        def work(connection: Connection) -> list[str]:
            connection.execute(unasked(insert(facts)), {"key": f"{key}1", "value": ""})
            connection.execute(insert(facts).values(key=f"{key}2", value=""))
            return list(connection.scalars(select(facts.c.key).where(facts.c.key.like(f"{key}%"))))

        return work

    transactions = SqliteTransactions(database_file(new_database(tmp_path)))
    try:
        await transactions.write(lambda connection: connection.scalar(text("SELECT 1")))
        monkeypatch.setattr(aiosqlite.Connection, "_execute", counted)
        assert await transactions.write(several("a"), brief=True) == ["a1", "a2"]
        assert trips == 2
        both = asyncio.gather(*(transactions.write(several(key), brief=True) for key in "bc"))
        assert await both == [["b1", "b2"], ["c1", "c2"]]
        assert trips == 4
        await transactions.write(several("d"))
        assert trips == 7
        with pytest.raises(UserError):
            await transactions.write(refused, brief=True)
        with pytest.raises(StorageError, match="UNIQUE"):
            await transactions.write(several("a"), brief=True)
        assert len(await transactions.write(several("e"), brief=True)) == 2
        monkeypatch.undo()
        assert len(await transactions.read(lambda db: db.scalars(select(facts.c.key)).all())) == 10
    finally:
        monkeypatch.undo()
        await transactions.close()


@pytest.mark.parametrize("followed", [True, False])
async def test_a_deferred_change_that_fails_undoes_its_transaction(tmp_path: Path, *, followed: bool) -> None:
    """Whether a statement follows it or the commit; the next transaction does not see any of it."""
    transactions = SqliteTransactions(database_file(new_database(tmp_path)))

    def twice(connection: Connection) -> str:
        connection.execute(insert(facts).values(key="twice", value="1"))
        connection.execute(unasked(insert(facts)), {"key": "twice", "value": "2"})
        return str(connection.scalar(text("SELECT 1"))) if followed else ""

    def gives_up(connection: Connection) -> str:
        connection.execute(unasked(insert(facts)), {"key": "never", "value": ""})
        raise UserError("no", key="error.empty_prompt")

    try:
        with pytest.raises(StorageError, match="UNIQUE"):
            await transactions.write(twice)
        with pytest.raises(UserError):
            await transactions.write(gives_up)
        results, _ = await at_once(transactions, [put("a"), twice, gives_up, put("b")])
        kept = await transactions.read(lambda connection: list(connection.scalars(select(facts.c.key))))
    finally:
        await transactions.close()

    assert [isinstance(result, Exception) for result in results] == [False, True, True, False]
    assert sorted(kept) == ["a", "b"]


async def test_one_that_the_database_refuses_spoils_no_other(tmp_path: Path) -> None:
    """Its neighbours in the shared transaction are kept, each once."""
    transactions = SqliteTransactions(database_file(new_database(tmp_path)))
    try:
        results, _ = await at_once(transactions, [put("a"), put("b"), put("a"), put("c")])
        kept = await transactions.read(lambda connection: list(connection.scalars(select(facts.c.key))))
    finally:
        await transactions.close()

    assert isinstance(results.pop(2), StorageError)
    assert results == ["a", "b", "c"]
    assert sorted(kept) == ["a", "b", "c"]


async def test_a_disk_that_fails_at_the_commit_keeps_nothing_of_it(tmp_path: Path) -> None:
    """When the commit fails, every caller gets the error."""
    transactions = SqliteTransactions(database_file(new_database(tmp_path)))

    def fail(_: Connection) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    try:
        await transactions.write(put("before"))
        event.listen(transactions._writes.engine.sync_engine, "commit", fail)
        results = await asyncio.gather(*(transactions.write(put(key)) for key in "abc"), return_exceptions=True)
        event.remove(transactions._writes.engine.sync_engine, "commit", fail)
        await transactions.write(put("after"))
        kept = await transactions.read(lambda connection: list(connection.scalars(select(facts.c.key))))
    finally:
        await transactions.close()

    assert all(isinstance(result, StorageError) for result in results)
    assert sorted(kept) == ["after", "before"]


def waits_for_the_disk(connection: Connection) -> bool:
    """Whether the commit of this transaction waits for the disk (https://www.sqlite.org/pragma.html)."""
    return int(connection.execute(text("PRAGMA synchronous")).scalar_one()) == 2


async def test_only_what_is_lasting_waits_for_the_disk(tmp_path: Path) -> None:
    """Also after transactions that were undone, before and after their first statement."""

    def fails_at_once(_: Connection) -> None:
        raise UserError("no", key="error.empty_prompt")

    transactions = SqliteTransactions(database_file(new_database(tmp_path)))
    assert await transactions.write(waits_for_the_disk)
    fails: Sequence[Callable[[Connection], object]] = (fails_at_once, refused)
    for fail in fails:
        for lasting in (False, True):
            assert not await transactions.write(waits_for_the_disk, lasting=False)
            with pytest.raises(UserError):
                await transactions.write(fail, lasting=lasting)
            assert await transactions.write(waits_for_the_disk)
    assert await transactions.read(waits_for_the_disk)
    await transactions.close()


async def test_a_shared_commit_waits_for_the_disk_when_anything_in_it_is_lasting(tmp_path: Path) -> None:
    transactions = SqliteTransactions(database_file(new_database(tmp_path)))
    for lasting in ([False, False], [False, True]):
        free, busy = await hold_writer(transactions)
        writes = [asyncio.create_task(transactions.write(waits_for_the_disk, lasting=one)) for one in lasting]
        await asyncio.sleep(0)
        free.set()
        assert await asyncio.gather(*writes) == [any(lasting)] * 2
        await busy
    await transactions.close()
