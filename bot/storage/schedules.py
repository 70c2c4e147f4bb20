"""Schedules on the database: :class:`bot.domain.schedules.schedule.ScheduleStore`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Double, Row, bindparam, delete, func, insert, select, update

from bot.domain.conversation.profile import Scope, ScopeChain
from bot.domain.queue.request import Asker
from bot.domain.schedules.rules import read, stored
from bot.domain.schedules.schedule import BY_PERSON, Limits, NewSchedule, Ran, Schedule
from bot.storage.dialects import hold_queue
from bot.storage.engine import Transactions
from bot.storage.schedule_tables import schedules

_NONE: dict[str, object] = {"paused_why": None, "paused_at": None}

_RAN = (
    update(schedules)
    .where(schedules.c.schedule_id == bindparam("schedule"), schedules.c.due_at == bindparam("due"))
    .values(
        due_at=bindparam("following"),
        try_at=bindparam("following"),
        last_at=bindparam("at"),
        last_key=bindparam("key"),
        read_to=func.coalesce(bindparam("read", type_=Double), schedules.c.read_to),
    )
)


class SqlSchedules:
    """The contract of every method is :class:`ScheduleStore`'s."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def add(self, new: NewSchedule, limits: Limits) -> Schedule | str:
        """Keep a schedule; the name of the limit that is reached, when one is."""

        def change(connection: Connection) -> Schedule | str:
            hold_queue(connection)
            reached = _reached(connection, new, limits)
            if reached is not None:
                return reached
            made = connection.execute(insert(schedules).values(**_values(new)).returning(schedules)).one()
            return _schedule(made)

        return await self._transactions.write(change)

    async def get(self, schedule_id: int) -> Schedule | None:
        """The schedule, or None."""
        found = await self._all(schedules.c.schedule_id == schedule_id)
        return found[0] if found else None

    async def of_user(self, user_id: int) -> Sequence[Schedule]:
        """A person's schedules, oldest first."""
        return await self._all(schedules.c.user_id == user_id)

    async def of_server(self, guild_id: int) -> Sequence[Schedule]:
        """The schedules in a server, oldest first."""
        return await self._all(schedules.c.guild_id == guild_id)

    async def _all(self, which: ColumnElement[bool]) -> Sequence[Schedule]:
        found = select(schedules).where(which).order_by(schedules.c.schedule_id)
        return await self._transactions.read(
            lambda connection: [_schedule(row) for row in connection.execute(found)]
        )

    async def to_try(self, now: float, limit: int) -> Sequence[Schedule]:
        """The first ``limit`` of what is to be tried ``now``, in order."""
        due = select(schedules).where(schedules.c.try_at <= now)
        due = due.order_by(schedules.c.try_at, schedules.c.schedule_id).limit(limit)
        return await self._transactions.read(
            lambda connection: [_schedule(row) for row in connection.execute(due)]
        )

    async def next_try(self) -> float | None:
        """When the next one is to be tried; None when none is."""
        return await self._transactions.read(
            lambda connection: connection.scalar(select(func.min(schedules.c.try_at)))
        )

    async def ran(self, runs: Sequence[Ran]) -> None:
        """Note how runs went, and when their schedules are due next."""
        # Rows are locked in one order, whoever else does so at the same time.
        changes = [
            {
                "schedule": run.schedule_id,
                "due": run.due_at,
                "following": run.following,
                "at": run.at,
                "key": run.key,
                "read": run.read_to,
            }
            for run in sorted(runs, key=lambda run: run.schedule_id)
        ]
        if changes:
            await self._transactions.write(lambda connection: connection.execute(_RAN, changes))

    async def try_again(self, schedule_id: int, due_at: float, *, at: float) -> None:
        """Try a schedule later for the same ``due_at``."""
        await self._change(_is_due(schedule_id, due_at), {"try_at": at})

    async def pause(self, schedule_id: int, why: str, *, now: float) -> bool:
        """Pause a schedule; False when it is paused already, or gone."""
        which = (schedules.c.schedule_id == schedule_id, schedules.c.paused_why.is_(None))
        return await self._change(which, {"paused_why": why, "paused_at": now, "due_at": None, "try_at": None})

    async def resume(self, schedule_id: int, due_at: float) -> bool:
        """Let a paused schedule be due again; False when it is not paused, or gone."""
        which = (schedules.c.schedule_id == schedule_id, schedules.c.paused_why.is_not(None))
        return await self._change(which, {**_NONE, "due_at": due_at, "try_at": due_at})

    async def _change(self, which: tuple[ColumnElement[bool], ...], values: Mapping[str, object]) -> bool:
        changed = update(schedules).where(*which).values(**values)
        return await self._transactions.write(lambda connection: connection.execute(changed).rowcount > 0)

    async def remove(self, schedule_id: int) -> bool:
        """Remove a schedule; False when there is none."""
        gone = delete(schedules).where(schedules.c.schedule_id == schedule_id)
        return await self._transactions.write(lambda connection: connection.execute(gone).rowcount > 0)

    async def expire(self, *, before: float) -> int:
        """Remove what was paused before ``before``, but not by a person; returns how many."""
        old = delete(schedules).where(schedules.c.paused_why != BY_PERSON, schedules.c.paused_at < before)
        return await self._transactions.write(lambda connection: connection.execute(old).rowcount)


def _is_due(schedule_id: int, due_at: float) -> tuple[ColumnElement[bool], ...]:
    return schedules.c.schedule_id == schedule_id, schedules.c.due_at == due_at


def _reached(connection: Connection, new: NewSchedule, limits: Limits) -> str | None:
    """The limit that leaves no room for another schedule."""
    bounds = [
        ("person", limits.person, schedules.c.user_id == new.asker.user_id),
        ("channel", limits.channel, schedules.c.channel_id == new.channel_id),
    ]
    if new.guild_id is not None:
        bounds.append(("server", limits.server, schedules.c.guild_id == new.guild_id))
    for name, most, which in bounds:
        there = connection.scalar(select(func.count()).select_from(schedules).where(which)) or 0
        if there >= most:
            return name
    return None


def _values(new: NewSchedule) -> dict[str, object]:
    return {
        "user_id": new.asker.user_id,
        "user_name": new.asker.name,
        "locale": new.asker.locale,
        "application_id": new.application_id,
        "channel_id": new.channel_id,
        "guild_id": new.guild_id,
        "place": json.dumps([asdict(scope) for scope in new.place.scopes], ensure_ascii=False),
        "words": new.words,
        "rule": stored(new.rule),
        "zone": new.zone.key,
        "question": new.question,
        "catch_up": new.catch_up,
        "with_summary": new.with_summary,
        "created_at": new.created_at,
        "due_at": new.due_at,
        "try_at": new.due_at,
    }


def _schedule(row: Row[Any]) -> Schedule:
    new = NewSchedule(
        asker=Asker(row.user_id, row.user_name, row.locale),
        application_id=row.application_id,
        channel_id=row.channel_id,
        guild_id=row.guild_id,
        place=ScopeChain(tuple(Scope(**scope) for scope in json.loads(row.place))),
        words=row.words,
        rule=read(row.rule),
        zone=ZoneInfo(row.zone),
        question=row.question,
        catch_up=row.catch_up,
        created_at=row.created_at,
        due_at=row.due_at or 0.0,
        with_summary=row.with_summary,
    )
    return Schedule(
        row.schedule_id,
        new,
        row.due_at,
        row.try_at,
        row.paused_why,
        row.paused_at,
        row.last_at,
        row.last_key,
        row.read_to,
    )
