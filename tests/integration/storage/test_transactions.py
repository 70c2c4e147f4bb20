"""Transactions under crashes, cancellation and competition."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event, insert, select, text
from sqlalchemy.util import await_only

from bot.domain.conversation.store import ConversationKey
from bot.domain.queue.request import RequestKind, RequestState
from bot.domain.queue.store import Admission
from bot.errors import StorageError
from bot.storage.database import Database
from bot.storage.engine import database_file
from bot.storage.sqlite_transactions import SqliteTransactions
from bot.storage.tables import facts
from tests.fakes.clocks import always
from tests.fakes.databases import ENGINES, empty_database, new_database
from tests.fakes.owners import nobody
from tests.fakes.questions import TOKEN, WIDE, answer, question


def transactions_of(database: Database) -> SqliteTransactions:
    """What runs the transactions of a database on a file."""
    transactions = database.requests._transactions
    assert isinstance(transactions, SqliteTransactions)
    return transactions


def writer_of(database: Database) -> Engine:
    """What SQLAlchemy's events of the writing connection are listened to on."""
    return transactions_of(database)._writes.engine.sync_engine


def everything(file: Path) -> list[str]:
    """The whole content of the database."""
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


async def test_two_processes_never_claim_the_same(tmp_path: Path) -> None:
    """Many claims at once through two stores on one file: each question goes to one of them."""
    url = new_database(tmp_path)
    async with Database.open(url) as one, Database.open(url) as other:
        for number in range(40):
            conversation = await one.conversations.conversation(ConversationKey(number))
            asked = question(str(number), user=number % 7, conversation=conversation)
            await one.requests.enqueue(asked, WIDE)

        claims = await asyncio.gather(
            *(one.requests.claim("one", now=always(1.0), lease=30) for _ in range(25)),
            *(other.requests.claim("other", now=always(1.0), lease=30) for _ in range(25)),
        )
        running = await other.requests.running()

    taken = [claim.request_id for claim in claims if claim is not None]
    assert sorted(taken, key=int) == [str(number) for number in range(40)]
    assert {claim.request_id: claim.lease_owner for claim in running} == {
        claim.request_id: claim.lease_owner for claim in claims if claim is not None
    }


CHANGES: dict[str, Callable[[Database], Awaitable[object]]] = {
    "enqueue": lambda db: db.requests.enqueue(question("new", user=1), WIDE),
    "join": lambda db: db.requests.join(question("new", user=1), ConversationKey(999), [999, 8], Admission(WIDE)),
    "claim": lambda db: db.requests.claim("me", now=always(5.0), lease=30),
    "release": lambda db: db.requests.release("running", "me", now=5.0),
    "answered": lambda db: db.requests.mark_answered("running", "me", answer(tokens=700), now=5.0),
    "answered anew": lambda db: db.requests.mark_answered("version", "me", answer(), now=5.0),
    "delivered": lambda db: db.requests.mark_delivered("answered", now=5.0),
    "failed": lambda db: db.requests.mark_failed("running", "error.scheduler", now=5.0),
    "cancelled": lambda db: db.requests.mark_cancelled("waiting 0", now=5.0),
    "expire": lambda db: db.requests.expire(before=9.0, now=10.0),
    "recover": lambda db: db.requests.recover("next", now=always(5.0), is_alive=nobody),
    "attach": lambda db: db.requests.attach_message("answered", 0, 13),
    "conversation": lambda db: db.conversations.conversation(ConversationKey(999)),
    "clear": lambda db: db.conversations.clear(1),
}


async def _busy(database: Database) -> None:
    for number in range(1, 6):
        await database.conversations.conversation(ConversationKey(number))
    for name, conversation in (("answered", 1), ("running", 2), ("waiting 0", 3), ("waiting 1", 3)):
        await database.requests.enqueue(question(name, user=1, conversation=conversation), WIDE)
    version = question("version", user=2, conversation=1, kind=RequestKind.REGENERATE, root="answered")
    await database.requests.enqueue(version, WIDE)
    await database.requests.enqueue(question("last", user=2, conversation=2), WIDE)
    taken: list[str] = []
    while {"answered", "running", "version"} - set(taken):
        claimed = await database.requests.claim("me", now=always(1.0), lease=30)
        assert claimed is not None
        taken.append(claimed.request_id)
    for name in set(taken) - {"answered", "running", "version"}:
        await database.requests.release(name, "me", now=2.0)
    await database.requests.attach_message("answered", 0, 12)
    await database.requests.mark_answered("answered", "me", answer(), now=3.0)


@pytest.mark.parametrize("change", CHANGES)
async def test_a_crash_between_any_two_statements_changes_nothing(tmp_path: Path, change: str) -> None:
    """Each change is whole or not there: interrupted before its n-th statement, for every n."""
    url = new_database(tmp_path)
    file = database_file(url)
    left = 0

    def interrupt(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise sqlite3.OperationalError("disk I/O error")

    async with Database.open(url) as database:
        await _busy(database)
        writer = writer_of(database)
        event.listen(writer, "before_cursor_execute", interrupt)
        before = everything(file)
        for statement in range(1, 30):
            left = statement
            try:
                await CHANGES[change](database)
            except StorageError:
                assert everything(file) == before
            else:
                break
        else:
            pytest.fail("it never ended")
        assert everything(file) != before


async def test_killed_after_the_commit(tmp_path: Path) -> None:
    """A question that was confirmed as queued is in the queue, however the process ends."""
    url = new_database(tmp_path)
    program = (
        "import asyncio, os, signal\n"
        "from bot.domain.conversation.store import ConversationKey\n"
        "from bot.storage.database import Database\n"
        "from tests.fakes.clocks import always\n"
        "from tests.fakes.questions import WIDE, question\n"
        "async def ask():\n"
        f"    async with Database.open({url!r}) as database:\n"
        "        await database.conversations.conversation(ConversationKey(1))\n"
        "        await database.requests.enqueue(question('kept'), WIDE)\n"
        "        await database.requests.claim('dead', now=always(1.0), lease=1e9)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(ask())\n"
    )

    died = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program], capture_output=True, check=False
    )

    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    async with Database.open(url) as database:
        recovered = await database.requests.recover("next", now=always(2.0), is_alive=nobody)
        (entry,) = await database.requests.queue()
    assert (recovered.requeued, entry.request_id) == (("kept",), "kept")


async def test_a_cancelled_caller_leaves_no_half_transaction(tmp_path: Path) -> None:
    """Cancelling a task during a write does not block the next write, and the write runs whole or not at all."""
    url = new_database(tmp_path)
    async with Database.open(url) as database:
        await database.conversations.conversation(ConversationKey(1))
        tasks = [
            asyncio.create_task(database.requests.enqueue(question(str(number)), WIDE)) for number in range(20)
        ]
        # All of them have given their write to the writer by now, and none has its answer.
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await database.requests.enqueue(question("after"), WIDE)
        waiting = {entry.request_id for entry in await database.requests.queue()}

    said = {str(number) for number, result in enumerate(results) if not isinstance(result, BaseException)}
    assert {str(number) for number in range(1, 20, 2)} <= said
    assert said | {"after"} <= waiting
    assert any(isinstance(result, asyncio.CancelledError) for result in results)


async def test_reads_do_not_wait_for_a_write(tmp_path: Path) -> None:
    """While a write is open, reads answer from before it."""
    url = new_database(tmp_path)
    transactions = SqliteTransactions(database_file(url))
    begun, finish = asyncio.Event(), asyncio.Event()

    def slow(connection: Connection) -> None:
        connection.execute(insert(facts).values(key="slow", value="1"))
        begun.set()
        await_only(finish.wait())

    def keys(connection: Connection) -> list[str]:
        return list(connection.execute(select(facts.c.key)).scalars())

    try:
        write = asyncio.create_task(transactions.write(slow))
        await begun.wait()
        assert await transactions.read(keys) == []
        finish.set()
        await write
        assert await transactions.read(keys) == ["slow"]
    finally:
        await transactions.close()


async def test_readers_cannot_write(tmp_path: Path) -> None:
    """A write on a reading connection raises an error."""
    transactions = SqliteTransactions(database_file(new_database(tmp_path)))
    try:
        with pytest.raises(StorageError, match="readonly"):
            await transactions.read(
                lambda connection: connection.execute(insert(facts).values(key="k", value="v")).rowcount
            )
    finally:
        await transactions.close()


@pytest.mark.parametrize(
    ("pragma", "expected"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 10_000)],
)
async def test_settings_of_the_writer(tmp_path: Path, pragma: str, expected: object) -> None:
    """A commit is on disk before it is said, and another process's write is waited for."""
    transactions = SqliteTransactions(database_file(new_database(tmp_path)))
    try:
        found = await transactions.write(lambda connection: connection.execute(text(f"PRAGMA {pragma}")).scalar())
    finally:
        await transactions.close()
    assert found == expected


async def test_errors_are_translated_and_tell_no_secrets(tmp_path: Path) -> None:
    """A question for no conversation is refused by the database; its token is in no message."""
    async with Database.open(new_database(tmp_path)) as database:
        with pytest.raises(StorageError) as failed:
            await database.requests.enqueue(question("a", conversation=404), WIDE)

    shown = f"{failed.value!r} {failed.value.__cause__!r} {failed.value.__cause__}"
    assert "FOREIGN KEY" in shown
    assert TOKEN not in shown
    assert "prompt of a" not in shown


async def test_a_missing_schema_is_a_storage_error(tmp_path: Path) -> None:
    """Opening costs nothing; the first use of a database without tables says what is wrong."""
    async with Database.open(f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}") as database:
        with pytest.raises(StorageError, match="no such table"):
            await database.requests.counts()


@pytest.mark.parametrize("engine", ENGINES)
async def test_small_records(tmp_path: Path, engine: str) -> None:
    """Facts, choices, thumbs and the audit log outlive the process."""
    from bot.domain.cluster.audit import AuditEntry

    url = await empty_database(engine, tmp_path)
    first = AuditEntry(at=1.0, actor_id=5, action="line.pause", detail={"reason": "a new model"})
    second = AuditEntry(at=2.0, actor_id=6, action="cluster.init", detail=["m", 2, None, True])
    async with Database.open(url) as database:
        await database.conversations.conversation(ConversationKey(1))
        await database.requests.enqueue(question("a"), WIDE)
        for value in ("old", "new"):
            await database.facts.put("commands", value)
        await database.preferences.set_announce(4, False)
        await database.feedback.give("a", 4, 1, now=3.0)
        await database.feedback.give("a", 4, -1, now=4.0)
        await database.feedback.give("a", 5, 1, now=4.0)
        await database.audit.record(first)
        await database.audit.record(second)

    async with Database.open(url) as database:
        assert (await database.facts.get("commands"), await database.facts.get("other")) == ("new", None)
        assert not await database.preferences.announce(4)
        assert await database.preferences.announce(5)
        assert await database.audit.recent(10) == [second, first]
        assert await database.audit.recent(1) == [second]
        with pytest.raises(StorageError):
            await database.feedback.give("unknown", 4, 1, now=5.0)


async def test_history_does_not_slow_the_line(tmp_path: Path) -> None:
    """Claiming and the window read through their indexes, whatever else the tables hold."""
    url = new_database(tmp_path)
    seen: list[tuple[str, object]] = []

    def remember(_: object, __: object, statement: str, parameters: object, *rest: object) -> None:
        seen.append((statement, parameters))

    async with Database.open(url) as database:
        await _busy(database)
        transactions = transactions_of(database)
        for worker in (transactions._writes, transactions._reads):
            event.listen(worker.engine.sync_engine, "before_cursor_execute", remember)
        await database.requests.claim("me", now=always(1.0), lease=1)
        await database.requests.enqueue(question("new"), WIDE)
        await database.requests.queue()
        await database.requests.position("new")
        await database.requests.counts()
        await database.requests.by_message(12)
        await database.requests.versions("answered")
        await database.requests.of_user(1, [RequestState.QUEUED])
        await database.conversations.recent_turns(1, limit=5)
    with closing(sqlite3.connect(database_file(url))) as connection:
        plans = [
            [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]  # type: ignore[arg-type]  # what the driver was given, as the event tells it
            for statement, parameters in seen
            if statement.startswith(("SELECT", "UPDATE", "DELETE"))
        ]

    scans = {step for plan in plans for step in plan if step.startswith("SCAN") and "INDEX" not in step}
    assert scans <= {"SCAN line_state", "SCAN CONSTANT ROW"}
    for index in ("ix_requests_line", "ix_turns_recent"):
        in_order = [plan for plan in plans if any(f"INDEX {index}" in step for step in plan)]
        assert in_order
        assert not any("TEMP B-TREE FOR ORDER BY" in step for plan in in_order for step in plan)
