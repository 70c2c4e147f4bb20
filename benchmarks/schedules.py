"""A thousand schedules that are due in one moment: how long until all are asked, and how often each is, over kills
in the middle of it and over both changes of clocks in a year.

The loop, the schedules and the queue that questions join are the bot's, on SQLite and on PostgreSQL. What time it
is the benchmark says; Discord is not asked.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from time import perf_counter
from zoneinfo import ZoneInfo

from benchmarks.verdict import Bound, Result
from bot.domain.channel_summary.plan import ChannelMessages
from bot.domain.conversation.profile import Scope, ScopeChain
from bot.domain.conversation.store import ConversationKey
from bot.domain.queue.request import Asker, Destination, NewQuestion
from bot.domain.queue.store import Admission, QueueLimits
from bot.domain.schedules.schedule import Limits, NewSchedule, Schedule
from bot.domain.schedules.words import read_when
from bot.errors import BotError
from bot.services.cluster.leadership import Leadership
from bot.services.requests.schedule_runs import ScheduleRuns
from bot.storage.database import Database
from bot.storage.migrate import upgrade
from tests.fakes.clocks import HandClock
from tests.fakes.postgres import server_database

SCHEDULES = 1_000
KILLED_AFTER = 400
ZONE = ZoneInfo("Europe/Berlin")
CHANGES = (datetime(2026, 3, 27, tzinfo=ZONE), datetime(2026, 10, 23, tzinfo=ZONE))
"""Two days before clocks are changed."""
DAYS = 4
WHEN = ("every day 2:30", "30 2 * * *")
SLOWEST = 2.0
"""Seconds until the last is asked, at most."""
LIMITS = QueueLimits(per_user=10**9, total=10**9)


class Joining:
    """Lets questions join the queue, and kills the process that does after some of them."""

    def __init__(self, database: Database, clock: HandClock) -> None:
        self._database = database
        self._clock = clock
        self.until_killed = 0
        self.killing: asyncio.Task[float] | None = None
        self.joined_at: list[float] = []

    async def ask(self, kept: Schedule, heard_as: int | str, *, at: float) -> None:  # noqa: ARG002  # as the port has it
        """Let the question join, once for each name."""
        schedule = kept.new
        key = ConversationKey(schedule.channel_id, schedule.guild_id)
        await self._database.requests.join(
            _question(schedule, heard_as, self._clock.now()), key, schedule.place.ids, Admission(LIMITS)
        )
        self.joined_at.append(perf_counter())
        self.until_killed -= 1
        if self.until_killed == 0 and self.killing is not None:
            self.killing.cancel()

    async def is_open(self, channel_id: int, guild_id: int | None) -> bool:
        """Every channel is."""
        return bool(channel_id or guild_id)

    def require_reading(self, guild_id: int | None) -> None:
        """Everything may be read."""

    async def said(
        self, channel_id: int, guild_id: int, user_id: int, *, since: float, until: float
    ) -> ChannelMessages:
        """No schedule here is about what was said."""
        raise BotError(f"{user_id} in {channel_id} of {guild_id}: {since} to {until}")

    async def tell(self, user_id: int, channel_id: int, text: str) -> None:
        """Nobody has to be told anything."""
        raise BotError(f"{user_id} in {channel_id}: {text}")


async def run() -> list[Result]:
    """Measure; under a minute."""
    with tempfile.TemporaryDirectory() as folder:
        results = await _on("sqlite", f"sqlite+aiosqlite:///{Path(folder) / 'bot.db'}")
    async with server_database(migrated=False) as url:
        return [*results, *await _on("postgres", url)]


async def _on(engine: str, url: str) -> list[Result]:
    await upgrade(url)
    async with Database.open(url) as database:
        return [
            await _over_change(database, f"{engine}.schedules_{change:%m}", change, SLOWEST) for change in CHANGES
        ]


async def _over_change(database: Database, name: str, change: datetime, slowest: float) -> Result:
    clock = HandClock(change.timestamp())
    joining, numbers = Joining(database, clock), await _made(database, clock.now())
    seconds: list[float] = []
    asked = wrong = 0
    for day in range(DAYS):
        due_at = await database.schedules.next_try()
        if due_at is None:
            raise RuntimeError("nothing is due")
        clock.at = due_at
        began = perf_counter()
        # On every second day, that of the change among them, the process is killed.
        if day % 2:
            await _asked_over_a_kill(database, joining, clock)
        else:
            await _asking(database, joining, clock)
            seconds.append(joining.joined_at[-1] - began)
        # The cluster answers them: the queue is empty on the next day.
        owners = [one.question.asker.user_id for one in await database.requests.clear(now=clock.now())]
        asked += len(owners)
        wrong += SCHEDULES - len(set(owners)) + len(owners) - len(set(owners))
    for number in numbers:
        await database.schedules.remove(number)
    figures = {"asked": float(asked), "slowest_s": round(max(seconds), 2), "lost_or_doubled": float(wrong)}
    return Result(name, figures, (Bound("slowest_s", slowest), Bound("lost_or_doubled", 0)))


async def _asked_over_a_kill(database: Database, joining: Joining, clock: HandClock) -> None:
    """Everything that is due is asked, by one process that is killed in the middle of it, and two that follow and
    both believe to lead."""
    joining.until_killed = KILLED_AFTER
    joining.killing = asyncio.create_task(_asking(database, joining, clock), name="killed")
    await asyncio.wait({joining.killing})
    joining.killing = None
    await asyncio.gather(*(_asking(database, joining, clock) for _ in range(2)))


async def _asking(database: Database, joining: Joining, clock: HandClock) -> float:
    leadership = Leadership(database.leader_lease, "benchmark", clock, lambda _: True)
    runs = ScheduleRuns(
        database.schedules, joining, joining, leadership, asyncio.Event(), clock, made_up_within=3600.0
    )
    while (pause := await runs.ask_due()) == 0.0:
        pass
    return pause


async def _made(database: Database, now: float) -> Sequence[int]:
    numbers = []
    for number in range(SCHEDULES):
        when = WHEN[number % len(WHEN)]
        rule = read_when(when)
        due_at = rule.after(now, ZONE, since=now)
        place = ScopeChain((Scope("channel", 1 + number % 100, ""), Scope("server", 5, "")))
        new = NewSchedule(
            asker=Asker(1 + number, f"user {number}"),
            application_id=1,
            channel_id=1 + number % 100,
            guild_id=5,
            place=place,
            words=when,
            rule=rule,
            zone=ZONE,
            question="What is new?",
            catch_up=True,
            created_at=now,
            due_at=due_at or 0.0,
        )
        kept = await database.schedules.add(new, Limits(SCHEDULES, SCHEDULES, SCHEDULES))
        if isinstance(kept, str):
            raise TypeError(kept)
        numbers.append(kept.schedule_id)
    return numbers


def _question(schedule: NewSchedule, heard_as: int | str, now: float) -> NewQuestion:
    return NewQuestion(
        request_id=hashlib.blake2b(str(heard_as).encode(), digest_size=8).hexdigest(),
        asker=schedule.asker,
        destination=Destination(1, schedule.channel_id, schedule.guild_id, private=False, channel_route=True),
        conversation_id=0,
        prompt=schedule.question,
        asked_at=now,
        cost=300.0,
    )
