"""Schedules, as people make, see and change them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog

from bot.clock import Clock
from bot.domain.cluster.audit import AuditEntry, AuditLog
from bot.domain.conversation.profile import ScopeChain
from bot.domain.queue.request import Asker, Destination
from bot.domain.schedules.rules import Rule
from bot.domain.schedules.schedule import BY_PERSON, ZONE_LIMIT, Limits, NewSchedule, Schedule, ScheduleStore
from bot.domain.schedules.words import WHEN_LIMIT, read_when
from bot.errors import NotAllowed, UserError
from bot.services.access.operators import Operators, Person
from bot.services.requests.scheduled_questions import ScheduledQuestions

log = structlog.get_logger(__name__)

UTC_ZONE = "UTC"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to be asked again and again. ``destination`` is where they say so."""

    asker: Asker
    place: ScopeChain
    destination: Destination
    when: str
    zone: str
    question: str
    catch_up: bool = True
    with_summary: bool = False


class Schedules:
    """Makes and changes schedules. People have their own; operators see and end those of a server."""

    def __init__(
        self,
        store: ScheduleStore,
        questions: ScheduledQuestions,
        operators: Operators,
        audit: AuditLog,
        clock: Clock,
        limits: Limits,
        *,
        min_interval: int,
    ) -> None:
        """``min_interval``: seconds between two times of a schedule, at least."""
        self._store = store
        self._questions = questions
        self._operators = operators
        self._audit = audit
        self._clock = clock
        self._limits = limits
        self._min_interval = min_interval
        self.changed = asyncio.Event()
        """Set when something may be due earlier than before. For one consumer, which clears it."""

    async def create(self, wanted: Wanted, person: Person) -> Schedule:
        """Make a schedule for somebody. Raises :class:`UserError` when it cannot be one, or there are too many;
        :class:`NotAllowed`; :class:`StorageError`."""
        now, where = self._clock.now(), wanted.destination
        if not where.channel_route:
            raise UserError("the bot may not write there", key="error.schedule_place")
        rule, zone = self._rule(wanted.when), zone_of(wanted.zone)
        due_at = rule.after(now, zone, since=now)
        if due_at is None:
            raise UserError("never due", key="error.schedule_when")
        new = NewSchedule(
            asker=wanted.asker,
            application_id=where.application_id,
            channel_id=where.channel_id,
            guild_id=where.guild_id,
            place=wanted.place,
            words=" ".join(wanted.when.split()),
            rule=rule,
            zone=zone,
            question=wanted.question,
            catch_up=wanted.catch_up,
            created_at=now,
            due_at=due_at,
            with_summary=wanted.with_summary,
        )
        await self._questions.check(new, person)
        kept = await self._store.add(new, self._limits)
        if isinstance(kept, str):
            limit = getattr(self._limits, kept)
            raise UserError(f"{kept} has {limit} schedules", key=f"error.schedules_{kept}", limit=limit)
        self.changed.set()
        await self._note("create", kept, person)
        return kept

    async def of(self, user_id: int) -> Sequence[Schedule]:
        """A person's schedules, oldest first. Raises :class:`StorageError`."""
        return await self._store.of_user(user_id)

    async def in_server(self, person: Person, guild_id: int | None) -> Sequence[Schedule]:
        """Everybody's schedules in a server, for an operator. Raises :class:`NotAllowed`."""
        self._operators.require(person)
        return [] if guild_id is None else await self._store.of_server(guild_id)

    async def pause(self, schedule_id: int, person: Person) -> Schedule:
        """Pause a schedule of theirs, or, for an operator, anybody's. Raises :class:`UserError`."""
        schedule = await self._allowed(schedule_id, person)
        await self._store.pause(schedule_id, BY_PERSON, now=self._clock.now())
        await self._note("pause", schedule, person)
        return schedule

    async def resume(self, schedule_id: int, person: Person) -> Schedule:
        """Let a paused schedule of theirs run again. Raises :class:`UserError`."""
        schedule = await self._own(schedule_id, person)
        due_at = schedule.after(self._clock.now())
        if due_at is None:
            raise UserError("never due", key="error.schedule_when")
        await self._store.resume(schedule_id, due_at)
        self.changed.set()
        await self._note("resume", schedule, person)
        return schedule

    async def delete(self, schedule_id: int, person: Person) -> Schedule:
        """Remove a schedule of theirs, or, for an operator, anybody's. Raises :class:`UserError`."""
        schedule = await self._allowed(schedule_id, person)
        await self._store.remove(schedule_id)
        await self._note("delete", schedule, person)
        return schedule

    async def run_now(self, schedule_id: int, person: Person, heard_as: int) -> Schedule:
        """Ask the question of a schedule of theirs now; when it is due stays as it is. Raises what asking does."""
        schedule = await self._own(schedule_id, person)
        await self._questions.ask(schedule, heard_as, at=self._clock.now())
        return schedule

    def preview(self, when: str, zone: str, count: int) -> Sequence[float]:
        """The next times that these words mean (epoch seconds). Raises :class:`UserError`."""
        rule, where = self._rule(when), zone_of(zone)
        at: float | None = self._clock.now()
        found: list[float] = []
        while len(found) < count and at is not None:
            at = rule.after(at, where, since=self._clock.now())
            if at is not None:
                found.append(at)
        return found

    async def zone_for(self, user_id: int) -> str:
        """The zone of a person's newest schedule, else UTC."""
        theirs = await self._store.of_user(user_id)
        return theirs[-1].new.zone.key if theirs else UTC_ZONE

    def _rule(self, when: str) -> Rule:
        try:
            rule = read_when(when)
        except ValueError as error:
            raise UserError(str(error), key="error.schedule_when") from error
        if len(when) > WHEN_LIMIT:
            raise UserError("too long", key="error.schedule_when")
        if rule.shortest < self._min_interval:
            minutes = -(-self._min_interval // 60)
            raise UserError("too often", key="error.schedule_often", minutes=minutes)
        return rule

    async def _allowed(self, schedule_id: int, person: Person) -> Schedule:
        """A schedule that they may end."""
        schedule = await self._store.get(schedule_id)
        mine = schedule is not None and schedule.new.asker.user_id == person.user_id
        if schedule is None or not (mine or self._operators.is_operator(person)):
            raise NotAllowed(f"no schedule {schedule_id} of {person.user_id}", key="error.schedule_unknown")
        return schedule

    async def _own(self, schedule_id: int, person: Person) -> Schedule:
        """A schedule that is theirs: it asks with their rights and quota."""
        schedule = await self._allowed(schedule_id, person)
        if schedule.new.asker.user_id != person.user_id:
            raise NotAllowed(f"schedule {schedule_id} is another's", key="error.not_yours")
        return schedule

    async def _note(self, done: str, schedule: Schedule, person: Person) -> None:
        number, new = schedule.schedule_id, schedule.new
        log.info("schedule.changed", done=done, schedule=number, user=person.user_id, channel=new.channel_id)
        detail = {"schedule": number, "channel": new.channel_id}
        await self._audit.record(AuditEntry(self._clock.now(), person.user_id, f"schedule.{done}", dict(detail)))


def zone_of(name: str) -> ZoneInfo:
    """The zone with this name of the IANA's database. Raises :class:`UserError` when there is none."""
    try:
        return ZoneInfo(name[:ZONE_LIMIT])
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        raise UserError(f"no zone {name[:ZONE_LIMIT]!r}", key="error.schedule_zone") from error
