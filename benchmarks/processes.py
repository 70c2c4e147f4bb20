"""One, two and four processes of the bot on one PostgreSQL: what runs at once, how long it takes, what ends cost.

``PROCESS_PARTS`` names the parts to run, by commas (all: together, takeover, rolling, kills, words, server), and
``PROCESS_KILLS`` how many of four are killed at random, by ``PROCESS_SEED``. PostgreSQL is the tests' own server,
with the waits for the disk that a real one has.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable, Mapping

from benchmarks.process_group import SLOTS, Group, grouped, middle
from benchmarks.verdict import Bound, Result
from tests.e2e.bot_process import BotProcess
from tests.e2e.forked_start import forking
from tests.fakes.postgres import restart_server

QUESTIONS = 40
KILLS = int(os.environ.get("PROCESS_KILLS", "500"))
SEED = int(os.environ.get("PROCESS_SEED", "4"))
TAKEOVERS = 5
A_SECOND = 20.0
"""Questions a second while processes are replaced."""
WORDS_OF = 40
"""Questions whose first word is waited for, one after the other."""
ONE_ANSWERED_ONCE = (
    Bound("not_acknowledged", 0),
    Bound("not_taken", 0),
    Bound("unanswered", 0),
    Bound("doubled", 0),
)


async def together() -> list[Result]:
    """The same questions asked of one, two and four processes: never more at once than the cluster takes, and no
    longer than with one."""
    measured = {count: await _makespan(count) for count in (1, 2, 4)}
    alone = measured[1]
    return [
        Result(
            f"{count} processes",
            figures | {f"{name}_over_one": round(figures[name] / alone[name], 3) for name in _COMPARED},
            (
                *ONE_ANSWERED_ONCE,
                Bound("most_at_once", SLOTS),
                Bound("asked", QUESTIONS),
                *(Bound(f"{name}_over_one", 1.1) for name in _COMPARED),
            ),
        )
        for count, figures in measured.items()
    ]


_COMPARED = ("makespan_s", "median_wait_s")


async def _makespan(count: int) -> dict[str, float]:
    async with grouped(count) as group:
        began = time.monotonic()
        for _ in range(QUESTIONS):
            await group.ask()
        await group.settled()
        makespan = time.monotonic() - began
        waits = [record.arrived_at - began for record in group.stage.parallax.requests]
        return group.account() | {
            "asked": len(waits),
            "makespan_s": round(makespan, 2),
            "median_wait_s": round(middle(waits), 3),
            "longest_wait_s": round(max(waits), 3),
        }


async def takeover() -> list[Result]:
    """The process that is connected is killed: seconds until the next one hears, and has answered a question."""
    connected, answered = [], []
    async with grouped(1) as group:
        for _ in range(TAKEOVERS):
            await group.add()
            before, began = group.stage.discord.gateway.identifies, time.monotonic()
            await group.processes[-2].kill()
            await _connected(group, before)
            connected.append(time.monotonic() - began)
            await group.ask(0.01)
            await group.settled()
            answered.append(time.monotonic() - began)
        return [
            Result(
                "takeover after kill -9",
                group.account()
                | {
                    "kills": TAKEOVERS,
                    "median_s": round(middle(connected), 2),
                    "worst_s": round(max(connected), 2),
                    "worst_until_answered_s": round(max(answered), 2),
                },
                (*ONE_ANSWERED_ONCE, Bound("worst_s", 3.0)),
            )
        ]


async def _connected(group: Group, before: int) -> None:
    gateway = group.stage.discord.gateway
    await group.stage.discord.wait_until(lambda: gateway.identifies > before and gateway.complete, 60.0)


async def rolling() -> list[Result]:
    """Both processes are replaced, one after the other, while people ask: nobody notices."""
    seconds, codes = [], []
    async with grouped(2) as group:
        for _ in range(2):
            began = time.monotonic()
            ending = asyncio.create_task(group.processes[0].terminate())
            while not ending.done():
                await group.ask(0.01)
                await asyncio.wait({ending}, timeout=1 / A_SECOND)
            seconds.append(time.monotonic() - began)
            codes.append(await ending)
            del group.processes[0]
            await group.add()
        await group.settled()
        return [
            Result(
                "rolling restart",
                group.account()
                | {"restarts": len(seconds), "worst_s": round(max(seconds), 2)}
                | {"exit_code": max(codes)},
                (
                    *ONE_ANSWERED_ONCE,
                    Bound("told_of_a_restart", 0),
                    Bound("most_at_once", SLOTS),
                    Bound("exit_code", 0),
                ),
            )
        ]


async def kills() -> list[Result]:
    """One of four is killed at a random moment, and another one started, again and again while people ask."""
    seeded, began = random.Random(SEED), time.monotonic()
    async with grouped(4) as group:
        gateway = group.stage.discord.gateway
        for _ in range(KILLS):
            # Otherwise most questions would come while nobody hears. The double notices an end a moment later.
            await asyncio.sleep(0.05)
            await group.stage.discord.wait_until(lambda: gateway.complete, 60.0)
            for _ in range(seeded.randint(1, 3)):
                await group.ask(seeded.choice((0.01, 0.2, 0.5)))
            await asyncio.sleep(seeded.random() * 0.8)
            victim: BotProcess = seeded.choice(group.processes)
            await victim.kill()
            victim.log_file.unlink(missing_ok=True)
            group.processes.remove(victim)
            await group.add(stands_by=False)
        await group.settled()
        return [
            Result(
                "kills among four",
                group.account() | {"kills": KILLS, "seconds": round(time.monotonic() - began, 1)},
                # What nobody hears while none is connected, Discord tells its asker.
                (Bound("unanswered", 0), Bound("doubled", 0), Bound("most_at_once", SLOTS)),
            )
        ]


async def words() -> list[Result]:
    """Milliseconds from a command to the first word of its answer, by turns on each database."""
    sqlite, one, two = await _first_words(1, postgres=False), await _first_words(1), await _first_words(2)
    return [
        Result(
            "ask to first word",
            {
                "sqlite_ms": round(sqlite, 1),
                "postgres_ms": round(one, 1),
                "two_processes_ms": round(two, 1),
                "postgres_added_ms": round(one - sqlite, 1),
                "two_processes_added_ms": round(two - sqlite, 1),
            },
            (Bound("postgres_added_ms", 5.0),),
        )
    ]


async def _first_words(count: int, *, postgres: bool = True) -> float:
    """The median, of questions asked one after the other."""
    found = []
    async with grouped(count, postgres=postgres) as group:
        for _ in range(WORDS_OF):
            began = time.monotonic()
            asked = await group.ask(0.05)

            def shows(asked: object = asked) -> bool:
                message = getattr(asked, "message", None)
                return message is not None and "word0" in message.text

            await group.stage.discord.wait_until(shows, 60.0)
            found.append(time.monotonic() - began)
            await group.settled()
    return middle(found[5:]) * 1000


async def server() -> list[Result]:
    """PostgreSQL is restarted while people ask two processes: nothing is lost, and everything moves again."""
    async with grouped(2) as group:
        restarting: asyncio.Task[None] | None = None
        back = float("inf")
        for number in range(int(12 * A_SECOND / 2)):
            await group.ask(0.1)
            if number == A_SECOND:
                restarting = asyncio.create_task(restart_server())
            if restarting is not None and restarting.done():
                back = min(back, time.monotonic())
            await asyncio.sleep(2 / A_SECOND)
        await group.settled()
        after = [record.arrived_at - back for record in group.stage.parallax.requests if record.arrived_at > back]
        return [
            Result(
                "PostgreSQL restarted",
                group.account() | {"moves_again_s": round(min(after, default=float("inf")), 2)},
                (*ONE_ANSWERED_ONCE, Bound("most_at_once", SLOTS), Bound("moves_again_s", 5.0)),
            )
        ]


PARTS: Mapping[str, Callable[[], Awaitable[list[Result]]]] = {
    part.__name__: part for part in (together, takeover, rolling, kills, words, server)
}


async def run() -> list[Result]:
    """Measure; about two minutes, and a second for each kill."""
    os.environ["TEST_POSTGRES_DURABLE"] = "1"
    wanted = os.environ.get("PROCESS_PARTS", ",".join(PARTS)).split(",")
    with forking():
        return [result for name in wanted for result in await PARTS[name]()]
