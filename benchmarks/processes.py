"""One, two and four processes of the bot on one PostgreSQL: what runs at once, how long it takes, what kills cost.

``PROCESS_KILLS`` says how many of four are killed at random (10; 500 for the full measurement)."""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.verdict import Bound, Result
from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel, Message
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import BotProcess, Stage, staged
from tests.e2e.forked_start import forking
from tests.e2e.reading import ask, is_over, new_room, of_the_bot
from tests.fakes.postgres import server_database

SLOTS = 4
QUESTIONS = 40
ANSWER_SECONDS = 0.5
KILLS = int(os.environ.get("PROCESS_KILLS", "10"))
TAKEOVERS = 3
ROLLING_SECONDS, A_SECOND = 4.0, 20.0
PATIENCE = 120.0


@dataclass(eq=False)
class Group:
    """Processes of one bot; the first of them was started first."""

    stage: Stage
    processes: list[BotProcess]
    most_at_once: int = 0

    async def asks(self, number: int, room: Channel) -> Message:
        """Somebody asks; each person has a conversation of their own."""
        self.stage.parallax.script([(f"word{n} ", ANSWER_SECONDS) for n in range(10)], match=f"Question {number}.")
        names = ("ada", "ben", "olga")
        return await ask(self.stage.discord.person(names[number % 3]), room, f"Question {number}.")

    async def until_over(self, messages: Sequence[Message]) -> None:
        """Wait until all are answered."""

        def over() -> bool:
            self.most_at_once = max(self.most_at_once, self.stage.parallax.active)
            return all(map(is_over, messages))

        await self.stage.discord.wait_until(over, PATIENCE)

    async def add(self) -> BotProcess:
        """Start one more, which stands by."""
        first = self.processes[0]
        log_file = first.log_file.with_name(f"process-{len(list(first.log_file.parent.iterdir()))}.log")
        added = BotProcess(first.environment, log_file)
        await added.start()
        self.processes.append(added)
        await added.logged("discord.shard_stands_by")
        return added


@asynccontextmanager
async def _group(count: int, folder: Path) -> AsyncIterator[Group]:
    parallax = ParallaxDouble(nodes=1, slots=SLOTS, lag=False, time_scale=10)
    async with (
        server_database() as url,
        staged(
            folder,
            discord=DiscordDouble(latency=0.0),
            parallax=parallax,
            DATABASE_URL=url,
            SHUTDOWN_GRACE="1",
            QUEUE_MAX_PER_USER="1000",
        ) as stage,
    ):
        group = Group(stage, [stage.bot])
        try:
            for _ in range(count - 1):
                await group.add()
            yield group
        finally:
            for process in group.processes:
                if process is not stage.bot:
                    await process.kill()


async def _makespan(count: int) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        async with _group(count, Path(folder)) as group:
            rooms = [new_room(group.stage) for _ in range(QUESTIONS)]
            began = time.monotonic()
            messages = await asyncio.gather(*(group.asks(number, room) for number, room in enumerate(rooms)))
            await group.until_over(messages)
            seconds = time.monotonic() - began
            asked = len(group.stage.parallax.requests)
    return Result(
        f"{count} processes",
        {
            "questions": QUESTIONS,
            "asked": asked,
            "most_at_once": group.most_at_once,
            "makespan_s": round(seconds, 2),
            "at_best_s": QUESTIONS / SLOTS * ANSWER_SECONDS,
        },
        (Bound("most_at_once", SLOTS), Bound("asked", QUESTIONS)),
    )


async def _takeovers() -> Result:
    """The process that is connected is killed; the time until the next command is acknowledged."""
    times = []
    with tempfile.TemporaryDirectory() as folder:
        async with _group(1, Path(folder)) as group:
            gateway, room = group.stage.discord.gateway, new_room(group.stage)
            for number in range(TAKEOVERS):
                await group.add()
                before, began = gateway.identifies, time.monotonic()

                def connected(before: int = before) -> bool:
                    return gateway.identifies > before and gateway.complete

                await group.processes[-2].kill()
                await group.stage.discord.wait_until(connected, PATIENCE)
                message = await group.asks(number, room)
                times.append(time.monotonic() - began)
                await group.until_over([message])
            # What the stage ends is the first process, which is gone.
            group.stage.bot.process = group.processes.pop().process
    return Result(
        "takeover after kill -9",
        {"times": TAKEOVERS, "median_s": round(statistics.median(times), 2), "worst_s": round(max(times), 2)},
        (Bound("worst_s", 3.0),),
    )


async def _rolling() -> Result:
    """A process is replaced under load: nobody is left without an acknowledgement, and nothing is asked twice."""
    with tempfile.TemporaryDirectory() as folder:
        async with _group(2, Path(folder)) as group:
            asking = []
            ending: asyncio.Task[int] | None = None
            for number in range(int(ROLLING_SECONDS * A_SECOND)):
                asking.append(asyncio.create_task(group.asks(number, new_room(group.stage))))
                if number == int(A_SECOND):
                    ending = asyncio.create_task(group.processes[0].terminate())
                await asyncio.sleep(1 / A_SECOND)
            found = await asyncio.gather(*asking, return_exceptions=True)
            messages = [one for one in found if isinstance(one, Message)]
            await group.until_over(messages)
            code = await ending if ending is not None else 1
            group.stage.bot.process = group.processes.pop().process
            figures = {
                "asks": len(found),
                "not_acknowledged": len(found) - len(messages),
                "asked": len(group.stage.parallax.requests),
                "most_at_once": group.most_at_once,
                "exit_code": code,
            }
    return Result(
        "rolling restart",
        figures,
        (Bound("not_acknowledged", 0), Bound("exit_code", 0), Bound("most_at_once", SLOTS)),
    )


async def _kills() -> Result:
    """One of four is killed at a random moment, and another one started, again and again."""
    seeded = random.Random(4)
    messages: list[Message] = []
    lost = 0
    with tempfile.TemporaryDirectory() as folder:
        async with _group(4, Path(folder)) as group:
            for number in range(KILLS):
                try:
                    messages.append(await group.asks(number, new_room(group.stage)))
                except AssertionError:
                    lost += 1  # nobody was connected in that moment, as Discord told its asker
                await asyncio.sleep(seeded.random() * 0.5)
                victim = seeded.choice(group.processes)
                await victim.kill()
                group.processes.remove(victim)
                added = BotProcess(group.stage.bot.environment, Path(folder) / f"again-{number}.log")
                await added.start()
                group.processes.append(added)
            await group.until_over(messages)
            rooms = {message.channel_id for message in messages}
            shown = [
                len(of_the_bot(group.stage, group.stage.discord.world.channels[room_id])) for room_id in rooms
            ]
            group.stage.bot.process = group.processes.pop().process
            await asyncio.gather(*(process.kill() for process in group.processes))
    return Result(
        "kills among four",
        {
            "kills": KILLS,
            "acknowledged": len(messages),
            "not_heard": lost,
            "unanswered": sum(not is_over(message) for message in messages),
            "doubled": sum(count - 1 for count in shown),
            "most_at_once": group.most_at_once,
        },
        (Bound("unanswered", 0), Bound("doubled", 0)),
    )


async def run() -> list[Result]:
    """Measure; about two minutes."""
    with forking():
        return [
            *[await _makespan(count) for count in (1, 2, 4)],
            await _takeovers(),
            await _rolling(),
            await _kills(),
        ]
