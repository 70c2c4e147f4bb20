"""A process with schedules, on a clock that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bot.domain.channel_summary.messages import ReadMessage
from bot.domain.channel_summary.plan import ChannelMessages
from bot.domain.schedules.schedule import Limits, NewSchedule, Schedule
from bot.errors import AccessLost, DeliveryError, NothingSaid, UserError
from bot.services.access.operators import Operators
from bot.services.access.profiles import Profiles
from bot.services.access.rules import Access
from bot.services.cluster.leadership import Leadership
from bot.services.requests.schedule_runs import ScheduleRuns
from bot.services.requests.scheduled_questions import ScheduledQuestions
from bot.services.requests.schedules import Schedules
from bot.storage.database import Database
from tests.fakes.audit import MemoryAudit
from tests.fakes.clocks import HandClock
from tests.fakes.conversations import MemoryConversations
from tests.fakes.databases import new_database
from tests.fakes.profiles import NoProfiles
from tests.fakes.requests import MemoryRequests
from tests.fakes.schedules import ROOMY, new_schedule
from tests.fakes.wishes import MemoryLease
from tests.integration.services.process import DEFAULTS, RunningQueue, Settings, built

OPERATOR = 99
HOUR = 3600.0


@dataclass(eq=False)
class Server:
    """A server's members and channels, as Discord tells them."""

    roles_of: dict[int, frozenset[int]] = field(default_factory=lambda: {1: frozenset(), 2: frozenset()})
    answers: bool = True
    channel_open: bool = True
    takes_messages: bool = True
    told: list[tuple[int, str]] = field(default_factory=list)
    content: bool = True
    words: list[ReadMessage] = field(default_factory=list)
    read: list[tuple[float, float]] = field(default_factory=list)

    async def roles(self, _guild_id: int, user_id: int) -> frozenset[int] | None:
        """Their roles; None for somebody who is no member."""
        if not self.answers:
            raise DeliveryError("no answer")
        return self.roles_of.get(user_id)

    async def is_open(self, _channel_id: int, _guild_id: int | None) -> bool:
        """Whether the channel is there."""
        return self.channel_open

    def require_reading(self, guild_id: int | None) -> None:
        """Raise an error in direct messages, and without the privilege."""
        if guild_id is None or not self.content:
            raise UserError("", key="error.summary_server" if self.content else "error.summary_hidden")

    async def said(
        self, channel_id: int, guild_id: int, _user_id: int, *, since: float, until: float
    ) -> ChannelMessages:
        """Everything that somebody said."""
        self.read.append((since, until))
        if not self.words:
            raise NothingSaid
        return ChannelMessages(guild_id, channel_id, self.words)

    async def tell(self, user_id: int, _channel_id: int, text: str) -> None:
        """Tell somebody something."""
        if not self.takes_messages:
            raise AccessLost("50007")
        self.told.append((user_id, text))


@dataclass(eq=False)
class World:
    """A process with schedules, on a clock that the test moves."""

    database: Database
    clock: HandClock
    server: Server
    queue: RunningQueue
    schedules: Schedules
    runs: ScheduleRuns
    audit: MemoryAudit

    def another(self) -> ScheduleRuns:
        """The loop of another process on the same database."""
        return _runs(self.database, self.queue, self.server, self.clock, self.schedules)[0]

    async def keeps(self, when: str = "every day 9:00", **fields: object) -> Schedule:
        """A schedule is made now."""
        new: NewSchedule = new_schedule(when, at=self.clock.now(), **fields)  # type: ignore[arg-type]  # a field's name and value come together
        kept = await self.database.schedules.add(new, ROOMY)
        assert isinstance(kept, Schedule)
        return kept

    async def asked(self) -> list[str]:
        """The questions that wait, in the order they came."""
        return [one.prompt for one in sorted(await self.queue.store.queue(), key=lambda one: one.enqueued_at)]

    async def now(self, schedule: Schedule) -> Schedule:
        """As it is kept now."""
        kept = await self.database.schedules.get(schedule.schedule_id)
        assert kept is not None
        return kept

    async def at_due(self, schedule: Schedule, late: float = 0.0) -> None:
        """It becomes due, and is looked for ``late`` seconds afterwards."""
        due = (await self.now(schedule)).due_at
        assert due is not None
        self.clock.at = due + late
        await self.runs.ask_due()


def questions_of(queue: RunningQueue, server: Server, clock: HandClock) -> ScheduledQuestions:
    """What asks the questions of schedules in a process."""
    profiles = Profiles(NoProfiles(), clock, DEFAULTS)
    operators = Operators(user_ids=[OPERATOR], role_ids=[], guild_ids=[])
    access = Access(profiles, operators, server, schedule_roles=[7] if server.roles_of.get(0) else [])
    return ScheduledQuestions(queue.ask, access, operators, profiles, server, server)


def _runs(
    database: Database, queue: RunningQueue, server: Server, clock: HandClock, schedules: Schedules | None
) -> tuple[ScheduleRuns, ScheduledQuestions]:
    questions = questions_of(queue, server, clock)
    changed = schedules.changed if schedules is not None else asyncio.Event()
    leadership = Leadership(MemoryLease(), "this process", clock, lambda _: True)
    runs = ScheduleRuns(database.schedules, questions, server, leadership, changed, clock, made_up_within=6 * HOUR)
    return runs, questions


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[World]:
    """A world without schedules."""
    # A Monday, at noon.
    clock, server, audit = HandClock(1_785_758_400.0), Server(), MemoryAudit()
    conversations = MemoryConversations()
    queue = built(MemoryRequests(conversations), conversations, Settings(clock=clock))
    async with Database.open(new_database(folder)) as database:
        questions = questions_of(queue, server, clock)
        schedules = Schedules(
            database.schedules,
            questions,
            Operators(user_ids=[OPERATOR], role_ids=[], guild_ids=[]),
            audit,
            clock,
            Limits(2, 5, 9),
            min_interval=900,
        )
        runs, _ = _runs(database, queue, server, clock, schedules)
        yield World(database, clock, server, queue, schedules, runs, audit)
