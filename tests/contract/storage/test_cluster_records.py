"""The cluster's history, names and switches on each database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.cluster.boards import OpenAlert
from bot.domain.cluster.events import ClusterEvent, EventKind
from bot.domain.cluster.history import Sample
from bot.domain.cluster.switch_steps import Step, Switch, SwitchState
from bot.storage.database import Database
from tests.fakes.databases import ENGINES, empty_database

HOUR = 3600.0
SWITCH = Switch("0a", "new", 1, True, "old", 1, 7, 0.0)


@pytest.fixture(params=ENGINES)
async def databases(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Database, Database]]:
    """Two processes on the same database."""
    url = await empty_database(request.param, tmp_path)
    async with Database.open(url) as one, Database.open(url) as other:
        yield one, other


def sample(at: float, *, waiting: float = 0.0, answers: int = 0, ttft: float | None = None) -> Sample:
    """A minute."""
    return Sample(at, 60.0, waiting, 1.0, 2.0, 3.0, answers, ttft, None)


async def test_one_init_is_sent_by_two_processes(databases: tuple[Database, Database]) -> None:
    """Both press, both open, both claim, again and again: one switch, one right to init."""
    one, other = databases
    opened = await asyncio.gather(
        *(
            database.switches.open(replace(SWITCH, switch_id=name))
            for name, database in (("0a", one), ("0b", other), ("0a", other), ("0b", one))
        )
    )
    assert len({switch.switch_id for switch in opened}) == 1
    claims = await asyncio.gather(
        *(database.switches.claim_init(opened[0].switch_id, now=1.0) for database in (one, other, one, other))
    )
    assert sorted(claims) == [False, False, False, True]
    assert not await one.switches.claim_init("none", now=1.0)


async def test_p9_an_init_that_a_restart_has_lost_is_claimed_once_more(
    databases: tuple[Database, Database],
) -> None:
    """By one process, for the claim that was lost; an older view claims nothing."""
    one, other = databases
    await one.switches.open(SWITCH)
    assert await one.switches.claim_init("0a", now=5.0)
    claims = await asyncio.gather(
        *(database.switches.claim_init("0a", now=50.0, before=5.0) for database in (one, other, one, other))
    )
    assert sorted(claims) == [False, False, False, True]
    assert not await other.switches.claim_init("0a", now=60.0, before=5.0)
    assert not await other.switches.claim_init("0a", now=60.0)


async def test_a_switch_that_ended_is_not_changed(databases: tuple[Database, Database]) -> None:
    """Another process's view of before neither revives it nor takes a claim back."""
    one, other = databases
    await one.switches.open(SWITCH)
    assert await one.switches.claim_init("0a", now=5.0)
    assert await other.switches.save(replace(SWITCH, step=Step.START))
    kept = await one.switches.current()
    assert kept == replace(SWITCH, step=Step.START, claimed_at=5.0)
    assert await one.switches.save(replace(kept, state=SwitchState.DONE))
    assert not await other.switches.save(kept)
    assert await one.switches.current() is None
    assert (await one.switches.open(SWITCH)).state is SwitchState.DONE


async def test_an_alert_is_opened_once(databases: tuple[Database, Database]) -> None:
    """Two processes see the same trouble: one tells it."""
    alerts = [OpenAlert("node_lost", name, 1.0) for name in "ab"]
    began = await asyncio.gather(*(one.boards.begin_alerts(alerts) for one in databases))
    assert sorted(map(list, began), key=len) == [[], alerts]
    assert list(await databases[0].boards.open_alerts()) == alerts
    assert await databases[0].boards.begin_alerts([*alerts, OpenAlert("waiting", "", 2.0)]) == [
        OpenAlert("waiting", "", 2.0)
    ]
    ended = await asyncio.gather(*(one.boards.end_alerts(alerts) for one in databases))
    assert sorted(map(list, ended), key=len) == [[], alerts]


def everybody(_owner: str) -> bool:
    """All processes live."""
    return True


async def test_a_lease_is_held_by_one_until_it_ends(databases: tuple[Database, Database]) -> None:
    """Renewed by its holder, taken by another only when it ran out, was given back, asked for or left behind."""
    one, other = (database.leader_lease for database in databases)
    got = await asyncio.gather(
        one.hold("a", now=0.0, until=10.0, is_alive=everybody),
        other.hold("b", now=0.0, until=10.0, is_alive=everybody),
    )
    assert sorted(got) == [False, True]
    holder, waiter = ("a", "b") if got[0] else ("b", "a")
    assert await one.hold(holder, now=9.0, until=19.0, is_alive=everybody)
    assert not await other.hold(waiter, now=18.0, until=28.0, is_alive=everybody)
    assert await other.hold(waiter, now=19.0, until=29.0, is_alive=everybody)
    await one.release(holder)
    assert not await one.hold(holder, now=20.0, until=30.0, is_alive=everybody)
    await other.release(waiter)
    assert await one.hold(holder, now=20.0, until=30.0, is_alive=everybody)
    await other.take(waiter, until=30.0)
    assert not await one.hold(holder, now=20.0, until=30.0, is_alive=everybody)
    assert await one.hold(holder, now=20.0, until=30.0, is_alive=lambda name: name != waiter)


async def test_the_switch_that_was_claimed_last(databases: tuple[Database, Database]) -> None:
    """Whatever became of it, and in whatever process; one that never got so far does not count."""
    one, other = (database.switches for database in databases)
    assert await one.last_claimed() is None
    for number, name in enumerate(("0a", "0b", "0c")):
        await one.open(replace(SWITCH, switch_id=name))
        if name != "0c":
            assert await one.claim_init(name, now=10.0 + number)
        assert await one.save(replace(SWITCH, switch_id=name, state=SwitchState.CANCELLED))
    found = await other.last_claimed()
    assert found is not None
    assert (found.switch_id, found.claimed_at) == ("0b", 11.0)


async def test_history_becomes_hours(databases: tuple[Database, Database]) -> None:
    """Whole hours before the given one are merged: means over time, and by answers for what answers measure."""
    history = databases[0].history
    await history.add_sample(sample(0.0, waiting=2.0, answers=1, ttft=1.0))
    await history.add_sample(sample(60.0, waiting=4.0, answers=3, ttft=2.0))
    await history.add_sample(sample(HOUR))
    await history.add_sample(sample(2 * HOUR + 60))
    assert await history.compact(before=2 * HOUR + 100) == 1
    assert list(await history.samples(since=0.0)) == [
        Sample(0.0, HOUR, 3.0, 1.0, 2.0, 3.0, 4, 1.75, None),
        Sample(HOUR, HOUR, 0.0, 1.0, 2.0, 3.0, 0, None, None),
        sample(2 * HOUR + 60),
    ]
    assert await history.compact(before=2 * HOUR + 100) == 0


async def test_events_are_read_newest_first(databases: tuple[Database, Database]) -> None:
    """With what they were told."""
    history = databases[0].history
    events = [
        ClusterEvent(EventKind.NODE_JOINED, 1.0, "a", {"gpu": "GPU", "count": 1.0, "memory": 24.0}),
        ClusterEvent(EventKind.USABLE, 2.0, "m"),
    ]
    await history.add_events(events)
    assert list(await history.events(since=0.0, limit=10)) == events[::-1]
    assert list(await history.events(since=1.5, limit=10)) == events[1:]
    assert list(await history.events(since=0.0, limit=1, kind=EventKind.NODE_JOINED)) == events[:1]
