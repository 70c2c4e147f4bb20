"""Transactions on a PostgreSQL server: competition, broken connections, and what may not be told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from sqlalchemy import Connection, event, insert, select, text, update
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_connection
from sqlalchemy.engine import make_url
from sqlalchemy.util import await_only

from bot.domain.conversation.store import ConversationKey
from bot.domain.queue.request import RequestState
from bot.domain.queue.store import Admission, QueueLimits
from bot.errors import DatabaseLocked, QueueFull, StorageError, ValueRefused
from bot.storage.database import Database
from bot.storage.engine import ServerOptions
from bot.storage.postgres_transactions import CONFLICTS, LONGEST_PAUSE, PostgresTransactions
from bot.storage.tables import facts
from tests.fakes.clocks import HandClock, HastyClock, always
from tests.fakes.postgres import administrate, emptied_database, server_database
from tests.fakes.questions import TOKEN, WIDE, answer, question

MOMENTS = 150
"""So many times somebody looks whether a connection is to break. Then the rest goes on in peace."""


@pytest.fixture
async def url() -> str:
    """An empty database."""
    return await emptied_database()


@pytest.fixture
async def transactions(url: str) -> AsyncIterator[PostgresTransactions]:
    """Transactions on an empty database."""
    opened = PostgresTransactions(url, ServerOptions())
    yield opened
    await opened.close()


def put(key: str, value: str = "1") -> Callable[[Connection], int]:
    """A transaction that stores a fact."""
    return lambda connection: connection.execute(insert(facts).values(key=key, value=value)).rowcount


def keys(connection: Connection) -> list[str]:
    """A transaction that reads the facts' keys."""
    return sorted(connection.scalars(select(facts.c.key)))


async def disconnect(url: str) -> None:
    """End every connection to the database, as a restart of the server does."""
    name = make_url(url).database
    ends = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"
    await administrate(lambda db: db.execute(ends, name))


async def test_a_restarted_server_is_not_noticed(url: str, transactions: PostgresTransactions) -> None:
    """Every connection in the pool is broken: reads and writes take new ones."""
    await asyncio.gather(*(transactions.write(put(f"before {number}")) for number in range(3)))
    await disconnect(url)
    await asyncio.gather(*(transactions.write(put(f"after {number}")) for number in range(3)))
    await disconnect(url)
    assert len(await transactions.read(keys)) == 6
    assert transactions.watch.fault() is None


async def test_a_commit_that_never_arrived_is_made_again(url: str, transactions: PostgresTransactions) -> None:
    """The connection breaks before the server has the commit: the work runs once more, and is there once."""
    runs, is_cut = 0, False

    def work(connection: Connection) -> str:
        nonlocal runs
        runs += 1
        connection.execute(insert(facts).values(key=f"run {runs}", value="1"))
        return f"run {runs}"

    def cut(_: Connection) -> None:
        nonlocal is_cut
        if not is_cut:
            is_cut = True
            await_only(disconnect(url))

    event.listen(transactions._engine.sync_engine, "commit", cut)
    assert await transactions.write(work) == "run 2"
    assert await transactions.read(keys) == ["run 2"]


async def test_a_commit_whose_answer_was_lost_is_not_repeated(
    transactions: PostgresTransactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has committed, and the connection breaks before it says so."""
    commit, runs = AsyncAdapt_asyncpg_connection.commit, 0

    def work(connection: Connection) -> int:
        nonlocal runs
        runs += 1
        connection.execute(insert(facts).values(key=f"run {runs}", value="1"))
        return runs

    def cut(connection: AsyncAdapt_asyncpg_connection) -> None:
        monkeypatch.setattr(AsyncAdapt_asyncpg_connection, "commit", commit)
        commit(connection)  # type: ignore[no-untyped-call]  # SQLAlchemy's own
        connection._connection.terminate()
        raise ConnectionResetError("the peer is gone")

    monkeypatch.setattr(AsyncAdapt_asyncpg_connection, "commit", cut)
    assert await transactions.write(work) == 1
    assert await transactions.read(keys) == ["run 1"]


async def test_deadlocks_end_by_themselves(transactions: PostgresTransactions) -> None:
    """Of two transactions that wait for each other the server undoes one, which is repeated."""
    await transactions.write(put("a", "0"))
    await transactions.write(put("b", "0"))
    first, met = asyncio.Barrier(2), 0

    def both(*order: str) -> Callable[[Connection], None]:
        def work(connection: Connection) -> None:
            nonlocal met
            for key in order:
                connection.execute(update(facts).where(facts.c.key == key).values(value=facts.c.value + "+"))
                if met < 2:
                    met += 1
                    await_only(first.wait())

        return work

    await asyncio.gather(transactions.write(both("a", "b")), transactions.write(both("b", "a")))
    assert await transactions.read(lambda db: list(db.scalars(select(facts.c.value)))) == ["0++", "0++"]


async def test_conflicts_are_repeated_a_few_times_only(transactions: PostgresTransactions) -> None:
    """Then the caller hears of it, as of a lock: it may work again soon."""
    runs = 0

    def work(connection: Connection) -> None:
        nonlocal runs
        runs += 1
        connection.execute(text("DO $$ BEGIN RAISE EXCEPTION 'met' USING ERRCODE = '40001'; END $$"))

    transactions._clock = HastyClock()
    with pytest.raises(DatabaseLocked, match="met"):
        await transactions.write(work)
    assert runs == CONFLICTS + 1


async def test_reads_see_one_moment_and_change_nothing(transactions: PostgresTransactions) -> None:
    """While a write is committed between two statements of a read, the second sees what the first saw."""

    def twice(connection: Connection) -> tuple[list[str], list[str]]:
        before = keys(connection)
        await_only(transactions.write(put("meanwhile")))
        return before, keys(connection)

    assert await transactions.read(twice) == ([], [])
    assert await transactions.read(keys) == ["meanwhile"]
    with pytest.raises(StorageError, match="read-only"):
        await transactions.read(put("never"))


async def test_a_cancelled_caller_leaves_no_half_transaction(transactions: PostgresTransactions) -> None:
    """The write runs whole or not at all, and its connection serves the next one."""
    tasks = [asyncio.create_task(transactions.write(put(str(number)))) for number in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    await transactions.write(put("after"))
    said = {str(number) for number, result in enumerate(done) if not isinstance(result, BaseException)}
    assert {str(number) for number in range(1, 20, 2)} | {"after"} <= {*await transactions.read(keys)}
    assert said <= {*await transactions.read(keys)}


async def test_limits_hold_when_everybody_asks_at_once(url: str) -> None:
    """Through two processes with several connections each: as many as the queue takes, and nobody twice."""
    limits = Admission(QueueLimits(per_user=1, total=10))
    async with Database.open(url) as one, Database.open(url) as other:
        asked = (
            process.requests.join(question(str(user), user=user), ConversationKey(user), [], limits)
            for user in range(20)
            for process in (one, other)
        )
        results = await asyncio.gather(*asked, return_exceptions=True)
        waiting = await one.requests.queue()
        stores = [one.requests, other.requests] * 8
        claims = await asyncio.gather(*(store.claim("me", now=always(1.0), lease=30) for store in stores))
    assert len(waiting) == 10
    assert sum(isinstance(result, QueueFull) for result in results) == 20
    taken = [claim.request_id for claim in claims if claim is not None]
    assert sorted(taken) == sorted(entry.request_id for entry in waiting)


async def test_whatever_was_typed_is_kept(url: str) -> None:
    """PostgreSQL stores no U+0000: its picture takes its place."""
    async with Database.open(url) as database:
        await database.conversations.conversation(ConversationKey(1))
        asked = question("a", attached_text="one\0two 🙂 \ufeff")
        await database.requests.enqueue(asked, WIDE)
        stored = await database.requests.get("a")
    assert stored is not None
    assert stored.question == replace(asked, attached_text="one␀two 🙂 \ufeff")


async def test_errors_are_translated_and_tell_no_secrets(url: str) -> None:
    """A question for no conversation, a number that fits nowhere, and half a character are refused for good."""
    async with Database.open(url) as database:
        with pytest.raises(ValueRefused) as failed:
            await database.requests.enqueue(question("a", conversation=404), WIDE)
        await database.conversations.conversation(ConversationKey(1))
        await database.requests.enqueue(question("b"), WIDE)
        await database.requests.claim("me", now=always(1.0), lease=30)
        for tokens in (2**31, 2**63):
            wrong = replace(answer(), completion_tokens=tokens)
            with pytest.raises(ValueRefused):
                await database.requests.mark_answered("b", "me", wrong, now=2.0)
        with pytest.raises(ValueRefused):
            await database.requests.enqueue(question("c", attached_text="\ud800"), WIDE)
    shown = f"{failed.value!r} {failed.value.__cause__!r} {failed.value.__cause__}"
    assert "foreign key" in shown
    assert TOKEN not in shown
    assert "prompt of a" not in shown


async def test_a_server_that_is_not_there_and_one_without_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first is waited for and then told, without the password; the second is told at once."""
    monkeypatch.setattr("bot.storage.postgres_transactions.PATIENCE", 0.0)
    gone = PostgresTransactions("postgresql+asyncpg://bot:Sesame42@127.0.0.1:1/bot", ServerOptions())
    with pytest.raises(DatabaseLocked) as failed:
        await gone.read(keys)
    assert "Sesame42" not in f"{failed.value} {failed.value.__cause__!r} {gone.watch.fault()}"
    assert gone.watch.fault() is not None
    await gone.close()
    async with server_database(migrated=False) as empty, Database.open(empty) as database:
        with pytest.raises(StorageError, match="does not exist"):
            await database.requests.counts()


async def test_the_capacity_holds_however_many_processes_claim(url: str) -> None:
    """Each of four sees what runs elsewhere under the queue's lock: six slots, six questions, at every moment."""
    async with AsyncExitStack() as stack:
        processes = [await stack.enter_async_context(Database.open(url)) for _ in range(4)]
        for number in range(30):
            await processes[0].requests.join(
                question(str(number), user=number), ConversationKey(number), [], Admission(WIDE)
            )

        async def work(owner: str, database: Database) -> list[int]:
            seen, held = [], list[str]()
            while True:
                claimed = await database.requests.claim(owner, now=always(1.0), lease=30, room=6 - len(held))
                if claimed is not None:
                    held.append(claimed.request_id)
                seen.append((await database.requests.counts())[RequestState.RUNNING])
                if held and (claimed is None or len(held) == 3):
                    await database.requests.mark_answered(held.pop(0), owner, answer(), now=2.0)
                elif claimed is None and not (await database.requests.waiting_ids()):
                    return seen

        seen = await asyncio.gather(*(work(str(n), database) for n, database in enumerate(processes)))
        ended = await processes[0].requests.counts()
    assert max(number for one in seen for number in one) == 6
    assert (ended[RequestState.QUEUED], ended[RequestState.ANSWERED]) == (0, 30)


async def test_after_a_failover_the_old_primary_is_left(url: str) -> None:
    """It answers, and takes no writes: its connections are given up until the address leads to the new one."""
    name, clock = make_url(url).database, HandClock()
    transactions = PostgresTransactions(url, ServerOptions(), clock)
    try:
        await administrate(lambda db: db.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
        write = asyncio.create_task(transactions.write(put("after")))
        await clock.asleep(timeout=60)
        assert "cannot be used" in (transactions.watch.fault() or "")
        await administrate(lambda db: db.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only"))
        # On a busy machine a connection may fail once more, which is another pause.
        while not write.done():
            clock.advance(LONGEST_PAUSE)
            paused = asyncio.create_task(clock.asleep(timeout=60))
            await asyncio.wait({write, paused}, return_when=asyncio.FIRST_COMPLETED)
            paused.cancel()
        await write
        assert await transactions.read(keys) == ["after"]
    finally:
        await administrate(lambda db: db.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only"))
        await transactions.close()


async def test_broken_connections_lose_and_double_nothing(url: str) -> None:
    """Every connection breaks again and again, before any statement or commit: each question is asked, answered
    and counted once, and every step is told as it was."""
    numbers, happened = range(8), 0

    async def go(database: Database, number: int) -> None:
        store, owner = database.requests, f"owner {number}"
        joined = await store.join(question(str(number), user=number), ConversationKey(1), [], Admission(WIDE))
        assert joined is not None
        assert joined.position is not None
        claimed = await store.claim(owner, now=always(1.0), lease=1e9)
        assert claimed is not None
        assert await store.mark_answered(claimed.request_id, owner, answer(tokens=10), now=2.0)
        assert await store.mark_delivered(claimed.request_id, now=3.0)

    def cut(*_: object) -> None:
        nonlocal happened
        happened += 1
        if happened % 19 == 0 and happened < MOMENTS:
            await_only(disconnect(url))

    async with Database.open(url) as one, Database.open(url) as other:
        for database in (one, other):
            transactions = database.requests._transactions
            assert isinstance(transactions, PostgresTransactions)
            for moment in ("before_cursor_execute", "commit"):
                event.listen(transactions._engine.sync_engine, moment, cut)
        for number in numbers[::4]:
            await asyncio.gather(*(go((one, other)[n % 2], n) for n in numbers[number : number + 4]))
        happened = MOMENTS
        rows = await one.usage.of_server(8, since_day=0)
        counts = await one.requests.counts()
        remembered = await one.conversations.recent_turns(1, limit=50)
    assert sum(row.questions for row in rows) == len(remembered) == len(numbers)
    assert set(counts.values()) == {0}
