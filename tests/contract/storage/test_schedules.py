"""Schedules on both kinds of database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.schedules.schedule import BY_PERSON, Limits, Ran, Schedule
from bot.storage.database import Database
from tests.fakes.databases import ENGINES, empty_database
from tests.fakes.schedules import ROOMY, new_schedule


@pytest.fixture(params=ENGINES)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty one."""
    async with Database.open(await empty_database(request.param, tmp_path)) as opened:
        yield opened


async def added(database: Database, **fields: object) -> Schedule:
    """A schedule that is kept."""
    kept = await database.schedules.add(new_schedule(**fields), ROOMY)  # type: ignore[arg-type]  # a field's name and value come together
    assert isinstance(kept, Schedule)
    return kept


async def test_a_schedule_is_kept_as_it_was_made(database: Database) -> None:
    new = new_schedule("every weekday 09:00", zone="Europe/Berlin", catch_up=False, with_summary=True)
    kept = await database.schedules.add(new, ROOMY)
    assert isinstance(kept, Schedule)
    assert kept.new == new
    assert kept.due_at == kept.try_at == new.due_at
    assert await database.schedules.get(kept.schedule_id) == kept
    assert await database.schedules.of_user(1) == await database.schedules.of_server(5) == [kept]
    assert await database.schedules.of_user(2) == await database.schedules.of_server(6) == []


async def test_each_limit_is_named_and_held_at_once(database: Database) -> None:
    for limits, reached in (
        (Limits(0, 9, 9), "person"),
        (Limits(9, 0, 9), "channel"),
        (Limits(9, 9, 0), "server"),
    ):
        assert await database.schedules.add(new_schedule(), limits) == reached
    assert isinstance(await database.schedules.add(new_schedule(guild=None), Limits(9, 9, 0)), Schedule)
    made = await asyncio.gather(*(database.schedules.add(new_schedule(user=2), Limits(2, 9, 9)) for _ in range(5)))
    assert sorted(isinstance(one, Schedule) for one in made) == [False, False, False, True, True]


async def test_what_is_due_comes_in_order_and_runs_once(database: Database) -> None:
    late = await added(database, at=2_000.0)
    early = await added(database, at=1_000.0)
    assert await database.schedules.next_try() == early.due_at == 8_200.0
    assert await database.schedules.to_try(8_199.0, 10) == []
    assert await database.schedules.to_try(10_000.0, 10) == [early, late]
    assert await database.schedules.to_try(10_000.0, 1) == [early]
    number = early.schedule_id
    went = Ran(number, 8_200.0, 15_400.0, 8_201.0, read_to=8_200.0)
    again = Ran(number, 8_200.0, 22_600.0, 8_202.0)
    await database.schedules.ran([])
    await database.schedules.ran([went, Ran(late.schedule_id, 9_200.0, None, 9_201.0, "schedule.skipped_late")])
    await database.schedules.ran([again])
    left_out = await database.schedules.get(late.schedule_id)
    assert left_out is not None
    assert (left_out.due_at, left_out.last_key, left_out.read_to) == (None, "schedule.skipped_late", None)
    await database.schedules.try_again(number, 8_200.0, at=1.0)
    now = await database.schedules.get(number)
    assert now is not None
    assert (now.due_at, now.try_at, now.last_at, now.last_key) == (15_400.0, 15_400.0, 8_201.0, None)
    assert (early.read_from, now.read_from) == (1_000.0, 8_200.0)
    # What was left out for another reason has not been read.
    await database.schedules.ran([Ran(number, 15_400.0, 22_600.0, 15_401.0, "schedule.skipped_quota")])
    later = await database.schedules.get(number)
    assert later is not None
    assert (later.last_key, later.read_to) == ("schedule.skipped_quota", 8_200.0)


async def test_what_could_not_be_asked_is_tried_later_for_the_same_time(database: Database) -> None:
    kept = await added(database)
    await database.schedules.try_again(kept.schedule_id, 8_200.0, at=8_230.0)
    assert await database.schedules.to_try(8_229.0, 10) == []
    tried = await database.schedules.to_try(8_230.0, 10)
    assert [one.due_at for one in tried] == [8_200.0]


async def test_what_is_paused_is_not_due(database: Database) -> None:
    kept = await added(database)
    number = kept.schedule_id
    assert await database.schedules.pause(number, "error.not_member", now=3.0)
    assert not await database.schedules.pause(number, BY_PERSON, now=4.0)
    await database.schedules.ran([Ran(number, 8_200.0, 9_000.0, 8_201.0)])
    assert await database.schedules.next_try() is None
    paused = await database.schedules.get(number)
    assert paused is not None
    assert (paused.paused_why, paused.paused_at, paused.due_at) == ("error.not_member", 3.0, None)
    assert await database.schedules.resume(number, 20_000.0)
    assert not await database.schedules.resume(number, 30_000.0)
    assert await database.schedules.next_try() == 20_000.0


async def test_an_id_is_never_given_out_again(database: Database) -> None:
    kept = await added(database)
    assert await database.schedules.remove(kept.schedule_id)
    assert not await database.schedules.remove(kept.schedule_id)
    assert (await added(database)).schedule_id > kept.schedule_id


async def test_only_what_the_bot_has_paused_expires(database: Database) -> None:
    mine, lost, running = [await added(database) for _ in range(3)]
    await database.schedules.pause(mine.schedule_id, BY_PERSON, now=3.0)
    await database.schedules.pause(lost.schedule_id, "error.not_member", now=3.0)
    assert await database.schedules.expire(before=3.0) == 0
    assert await database.schedules.expire(before=4.0) == 1
    left = [one.schedule_id for one in await database.schedules.of_user(1)]
    assert left == [mine.schedule_id, running.schedule_id]


async def test_forgetting_a_person_removes_theirs_alone(database: Database) -> None:
    await added(database)
    theirs = await added(database, user=2)
    await database.personal.forget_user(1, today=0)
    assert await database.schedules.of_server(5) == [theirs]
