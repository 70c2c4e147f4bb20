"""What storage costs: joining the queue and being taken from it at 5,000 waiting, the window at 1,000,000 turns.

``python -m benchmarks.storage`` prints JSON: milliseconds, medians and 95th percentiles, on a database file in the
system's temporary folder; and the resident memory that 5,000 waiting questions and everything above added.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

from bot.domain.conversation.store import ConversationKey
from bot.domain.queue.request import Answer, Asker, Destination, NewQuestion
from bot.domain.queue.store import QueueLimits
from bot.storage.database import Database
from bot.storage.migrate import upgrade

WAITING = 5_000
USERS = 500
CHANNELS = 50
TURNS = 1_000_000
TURNS_OF_ONE = 100_000
WINDOW = 50
ROUNDS = 200
LIMITS = QueueLimits(per_user=WAITING, total=2 * WAITING)

Measured = dict[str, float]


def resident_mb() -> float:
    """This process's resident memory."""
    status = Path("/proc/self/status").read_text().splitlines()
    kilobytes = next(line.split()[1] for line in status if line.startswith("VmRSS"))
    return round(int(kilobytes) / 1024, 1)


def question(number: int, conversation: int) -> NewQuestion:
    """The ``number``-th question, of one of many people."""
    return NewQuestion(
        request_id=f"request-{number}",
        asker=Asker(number % USERS, f"user {number % USERS}"),
        destination=Destination(1, conversation, 1, private=False, channel_route=True, token="t" * 200),
        conversation_id=conversation,
        prompt="How do I split a table without downtime? " * 5,
        asked_at=float(number),
        cost=300.0 + number % 400,
    )


async def timed(rounds: int, work: Callable[[int], Awaitable[object]]) -> Measured:
    """Median and 95th percentile of ``work(0 … rounds - 1)``, in milliseconds."""
    spent = []
    for number in range(rounds):
        began = time.perf_counter()
        await work(number)
        spent.append((time.perf_counter() - began) * 1000)
    spent.sort()
    return {"median_ms": round(spent[rounds // 2], 3), "p95_ms": round(spent[int(rounds * 0.95)], 3)}


async def queue(database: Database) -> dict[str, Measured]:
    """Joining, being taken and answering while 5,000 wait."""
    store = database.requests
    channels = [await database.conversations.conversation(ConversationKey(n)) for n in range(1, CHANNELS + 1)]
    empty = await timed(ROUNDS, lambda n: store.enqueue(question(n, channels[n % CHANNELS]), LIMITS))
    for number in range(ROUNDS, WAITING):
        await store.enqueue(question(number, channels[number % CHANNELS]), LIMITS)
    full = await timed(ROUNDS, lambda n: store.enqueue(question(WAITING + n, channels[n % CHANNELS]), LIMITS))
    taken: list[str] = []

    async def claim(_: int) -> None:
        claimed = await store.claim("bench", now=lambda: 1.0, lease=1e6)
        if claimed is None:
            raise RuntimeError("nothing could be taken")
        taken.append(claimed.request_id)

    claims = await timed(ROUNDS, claim)
    done = Answer("An answer. " * 150, "", "stop", "m", 500, 400, 0.3, 9.0, 44.0)
    answers = await timed(ROUNDS, lambda n: store.mark_answered(taken[n], "bench", done, now=2.0))
    shown = await timed(ROUNDS, lambda n: store.mark_delivered(taken[n], now=3.0))
    return {
        "enqueue_into_empty": empty,
        "enqueue_at_5000": full,
        "claim_at_5000": claims,
        "answered_at_5000": answers,
        "delivered_at_5000": shown,
        "place_in_5000": await timed(ROUNDS, lambda n: store.position(f"request-{WAITING - 1 - n}")),
        "line_of_5000": await timed(20, lambda _: store.queue()),
    }


def fill(file: Path, turns: int, conversation: int, first: int) -> None:
    """Write ``turns`` turns, numbered from ``first``: to ``conversation``, or spread over many when it is 0."""
    text = "Use a copy and a trigger. " * 12
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.executemany(
            "INSERT INTO turns (conversation_id, root_id, request_id, asker_id, asker_name, question, material,"
            " answer, finish, prompt_tokens, completion_tokens, created_at)"
            " VALUES (?, ?, ?, 1, 'Ana', ?, '', ?, 'stop', 100, 80, 1)",
            (
                (conversation or 2 + n % (CHANNELS - 1), f"turn-{n}", f"turn-{n}", text[:80], text)
                for n in range(first, first + turns)
            ),
        )


async def window(database: Database, file: Path) -> dict[str, Measured]:
    """Reading the newest turns of a conversation with 100,000, as the table grows to 1,000,000."""

    async def read(_: int) -> None:
        if len(await database.conversations.recent_turns(1, limit=WINDOW)) != WINDOW:
            raise RuntimeError("turns are missing")

    await asyncio.to_thread(fill, file, TURNS_OF_ONE, 1, 0)
    small = await timed(ROUNDS, read)
    await asyncio.to_thread(fill, file, TURNS - TURNS_OF_ONE, 0, TURNS_OF_ONE)
    return {"window_at_100000_turns": small, "window_at_1000000_turns": await timed(ROUNDS, read)}


async def run() -> dict[str, Measured | float]:
    """All measurements, on a new database."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bot.db"
        url = f"sqlite+aiosqlite:///{file}"
        await upgrade(url)
        async with Database.open(url) as database:
            await database.requests.counts()
            before = resident_mb()
            measured: dict[str, Measured | float] = {**await queue(database)}
            measured["memory_growth_mb"] = round(resident_mb() - before, 1)
            measured.update(await window(database, file))
            return measured


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run()), indent=2))
