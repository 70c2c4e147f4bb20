"""Several processes of one bot on one PostgreSQL, to be measured."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.people import Invocation
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import BotProcess, Stage, staged
from tests.e2e.reading import is_over, new_room, of_the_bot, revisions
from tests.fakes.postgres import server_database

SLOTS = 4
"""Questions that the cluster takes at once."""
PATIENCE = 120.0
"""Seconds until a question counts as unanswered."""
WORDS = 10
_PEOPLE = ("ada", "ben", "olga")


@dataclass(frozen=True)
class Asked:
    """A question, in a room of its own."""

    number: int
    invocation: Invocation
    room: Channel

    @property
    def message(self) -> Message | None:
        """What acknowledges the question, and becomes its answer."""
        return self.invocation.message

    @property
    def is_taken(self) -> bool:
        """Whether its message has shown that the question is in the queue."""
        return self.message is not None and any(
            f"Question {self.number}." in each for each in revisions(self.message)
        )


@dataclass(eq=False)
class Group:
    """Processes of one bot."""

    stage: Stage
    processes: list[BotProcess]
    asked: list[Asked] = field(default_factory=list)
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    async def ask(self, seconds: float = 0.5) -> Asked:
        """Somebody asks; the answer streams for so many seconds. Returns without waiting for the bot."""
        number, room = len(self.asked), new_room(self.stage)
        prompt = f"Question {number}."
        words = [(f"word{word} ", seconds) for word in range(WORDS)]
        for _ in range(3):  # it may be asked again, when who answers is killed
            self.stage.parallax.script(words, match=prompt)
        person = self.stage.discord.person(_PEOPLE[number % len(_PEOPLE)])
        asked = Asked(number, await person.slash(room, "ask", prompt=prompt), room)
        self.asked.append(asked)
        return asked

    async def settled(self) -> None:
        """Wait until each question that was taken has an answer, or its asker was told that there is none, at most
        :data:`PATIENCE`; and a few seconds for the others."""
        if await self._all_settled([one for one in self.asked if one.is_taken], PATIENCE):
            await self._all_settled(self.asked, 10.0)

    async def _all_settled(self, asked: Sequence[Asked], seconds: float) -> bool:
        try:
            await self.stage.discord.wait_until(lambda: all(map(_is_settled, asked)), seconds)
        except AssertionError:
            return False  # the account tells which are not
        return True

    async def add(self, *, stands_by: bool = True) -> BotProcess:
        """Start one more; ``stands_by``: and wait until it does."""
        first = self.stage.bot
        added = BotProcess(first.environment, first.log_file.with_name(f"process-{next(self.numbers)}.log"))
        await added.start()
        self.processes.append(added)
        if stands_by:
            await added.logged("discord.shard_stands_by")
        return added

    def account(self) -> dict[str, float]:
        """What became of the questions: how many were never heard (Discord told their askers so), how many only
        as far as "it takes longer" (which promises nothing), how many that were taken have no answer, or more than
        one, and how many the cluster had at once at most."""
        heard = [one for one in self.asked if one.message is not None]
        answers = [sum(map(_is_answer, of_the_bot(self.stage, one.room))) for one in self.asked]
        return {
            "questions": len(self.asked),
            "not_acknowledged": len(self.asked) - len(heard),
            "not_taken": sum(not one.is_taken for one in heard),
            "unanswered": sum(one.is_taken and not _is_settled(one) for one in heard),
            "doubled": sum(count - 1 for count in answers if count > 1),
            "told_of_a_restart": sum("restart" in one.message.text for one in heard if one.message is not None),
            "most_at_once": self.most_at_once,
        }

    @property
    def most_at_once(self) -> int:
        """How many questions the scheduler had at the same time, by its own record, whether they ran or not."""
        changes = sorted(
            change
            for record in self.stage.parallax.requests
            for change in ((record.arrived_at, 1), (record.finished_at or float("inf"), -1))
        )
        return max(itertools.accumulate((by for _, by in changes), initial=0))


@asynccontextmanager
async def grouped(count: int, *, latency: float = 0.0, postgres: bool = True) -> AsyncIterator[Group]:
    """``count`` processes, of which the first is connected; a round trip to Discord takes ``latency`` seconds.
    Without ``postgres`` on SQLite, where there is one."""
    parallax = ParallaxDouble(nodes=1, slots=SLOTS, lag=False, time_scale=10)
    with tempfile.TemporaryDirectory() as folder:
        async with server_database() as url:
            settings = {"DATABASE_URL": url} if postgres else {}
            async with staged(
                Path(folder),
                discord=DiscordDouble(latency=latency),
                parallax=parallax,
                SHUTDOWN_GRACE="20",
                QUEUE_MAX_PER_USER="10000",
                CONTEXT_MAX_TOKENS="256",
                **settings,
            ) as stage:
                group = Group(stage, [stage.bot])
                try:
                    for _ in range(count - 1):
                        await group.add()
                    yield group
                finally:
                    await _ended(group)


async def _ended(group: Group) -> None:
    """End all processes but the one that the stage ends, which is one that lives."""
    alive = [one for one in group.processes if one.process is not None and one.process.returncode is None]
    for process in alive[:-1]:
        await process.kill()
    if alive:
        group.stage.bot.process = alive[-1].process


def _is_answer(message: Message) -> bool:
    return "word0" in message.text


def _is_settled(asked: Asked) -> bool:
    return asked.invocation.failed or (asked.message is not None and is_over(asked.message))


def middle(values: Sequence[float]) -> float:
    """The median, 0 of none."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else 0.0
