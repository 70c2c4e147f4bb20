"""A hundred thousand questions in the queue, on SQLite and on PostgreSQL: what joining it and being taken cost.

PostgreSQL is the tests' own server, here with the waits for the disk that a real one has.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, insert, text
from sqlalchemy.engine import make_url

from benchmarks.storage import question
from benchmarks.verdict import Bound, Result
from bot.domain.conversation.store import ConversationKey
from bot.domain.queue.request import RequestState
from bot.domain.queue.store import Admission, QueueLimits
from bot.storage import request_rows
from bot.storage.database import Database
from bot.storage.migrate import upgrade
from bot.storage.tables import conversations, requests
from tests.fakes.postgres import administrate, server_database

WAITING = 100_000
ASKERS = 10_000
CLAIMS = 200
BATCH = 5_000
COST = 300.0
LIMITS = QueueLimits(per_user=WAITING, total=2 * WAITING)


async def run() -> list[Result]:
    """Measure; about a minute."""
    with tempfile.TemporaryDirectory() as folder:
        results = await _on("sqlite", f"sqlite+aiosqlite:///{Path(folder) / 'bot.db'}")
    os.environ["TEST_POSTGRES_DURABLE"] = "1"
    async with server_database(migrated=False) as url:
        return [*results, *await _on("postgres", url)]


async def _on(engine: str, url: str) -> list[Result]:
    await upgrade(url)
    async with Database.open(url) as database:
        await _fill(database)
        if engine == "postgres":
            # As the server does by itself within a minute or two.
            await administrate(lambda db: db.execute("VACUUM ANALYZE"), make_url(url).database)
            await administrate(lambda db: db.execute("CHECKPOINT"))
        store = database.requests
        taken: list[str] = []

        async def claim(_: int) -> None:
            claimed = await store.claim("benchmark", now=lambda: 1.0, lease=1e9)
            if claimed is None:
                raise RuntimeError("nothing could be taken")
            taken.append(claimed.request_id)

        async def join(number: int) -> None:
            asked = question(WAITING + number, 1)
            await store.join(asked, ConversationKey(1 + number % ASKERS), [1], Admission(LIMITS))

        return [
            await _timed(f"{engine}.claim_at_100000", claim, Bound("p95_ms", 10)),
            # These two count what waits before the question.
            await _timed(f"{engine}.join_at_100000", join),
            await _timed(f"{engine}.position_at_100000", lambda n: store.position(f"request-{WAITING - 1 - n}")),
        ]


async def _timed(name: str, work: Callable[[int], Awaitable[object]], *bounds: Bound) -> Result:
    spent = []
    for number in range(CLAIMS):
        began = time.perf_counter()
        await work(number)
        spent.append((time.perf_counter() - began) * 1000)
    spent.sort()
    figures = {
        "median_ms": round(statistics.median(spent), 2),
        "p95_ms": round(spent[int(CLAIMS * 0.95)], 2),
        "max_ms": round(spent[-1], 2),
    }
    return Result(name, figures, bounds)


async def _fill(database: Database) -> None:
    """Let ten thousand people wait with ten questions each, in the order that the fair queue gives them."""
    transactions = database.requests._transactions  # noqa: SLF001  # asking them one by one would take minutes

    def places(connection: Connection) -> None:
        rows = [{"id": n + 1, "channel_id": n + 1, "private_to": 0} for n in range(ASKERS)]
        connection.execute(insert(conversations), rows)
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT setval('conversations_id_seq', 1000000)"))

    await transactions.write(places)
    for first in range(0, WAITING, BATCH):
        rows = [_row(number) for number in range(first, first + BATCH)]
        await transactions.write(partial(_insert, rows=rows))


def _insert(connection: Connection, rows: list[dict[str, object]]) -> None:
    connection.execute(insert(requests), rows)


def _row(number: int) -> dict[str, object]:
    asker, turn = number % ASKERS, number // ASKERS
    asked = question(number, 1 + asker)
    return {
        **request_rows.question_values(asked),
        "user_id": asker,
        "state": RequestState.QUEUED.value,
        "cost": COST,
        "floor_tag": 0.0,
        "start_tag": turn * COST,
        "charge": 0.0,
        "attempts": 0,
        "enqueued_at": asked.asked_at,
        "changed_at": asked.asked_at,
    }


if __name__ == "__main__":
    for result in asyncio.run(run()):
        print(result.name, result.figures)
