"""What is kept of the cluster: once, by the leader, and in hours after a week."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from bot.domain.cluster.events import ClusterEvent, EventKind
from bot.domain.cluster.history import Sample
from bot.domain.cluster.switch_steps import Switch, SwitchState
from bot.services.cluster.leadership import LASTS
from bot.services.cluster.recorder import COMPACT_EVERY, SAMPLE_EVERY
from bot.storage.history import HOUR
from tests.fakes.clocks import HandClock
from tests.fakes.databases import new_database
from tests.integration.services.alerting import ATTIC, RACK, Channel, Process, process, report

WEEK = 7 * 86_400.0
SWITCH = Switch("0a", "new", 1, True, "m", 1, 7, 0.0)


@pytest.fixture
def clock() -> HandClock:
    """The time: a whole hour, long after the epoch."""
    return HandClock(1000 * HOUR)


@pytest.fixture
async def pair(tmp_path: Path, clock: HandClock) -> AsyncIterator[tuple[Process, Process]]:
    """Two processes on one database that tell one channel; both have seen two nodes work."""
    url, channel = new_database(tmp_path), Channel()
    async with (
        process(url, clock, owner="one", channel=channel) as one,
        process(url, clock, owner="other", channel=channel) as other,
    ):
        for each in (one, other):
            await each.sees(report(RACK, ATTIC))
        yield one, other


@asynccontextmanager
async def sampling(*processes: Process) -> AsyncIterator[None]:
    """Their samples are taken."""
    tasks = [asyncio.create_task(each.recorder.keep_samples()) for each in processes]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def both_see(pair: tuple[Process, Process], model: str) -> list[ClusterEvent]:
    """Both processes see another model; all changes that were kept so far, oldest first."""
    for each in pair:
        each.clock.advance(1.0)
        await each.goes_on(10, report(RACK, ATTIC, model=model))
    return (await kept(pair[0], EventKind.MODEL_CHANGED))[::-1]


async def kept(by: Process, kind: EventKind) -> list[ClusterEvent]:
    """The events of this kind, newest first."""
    return list(await by.database.history.events(since=0.0, limit=100, kind=kind))


async def claimed(by: Process, name: str, model: str) -> None:
    """This process sends the init of a switch to ``model``, which is done afterwards."""
    switches = by.database.switches
    await switches.open(replace(SWITCH, switch_id=name, model=model))
    assert await switches.claim_init(name, now=by.clock.now())
    done = replace(SWITCH, switch_id=name, model=model, state=SwitchState.DONE, initialised=True)
    assert await switches.save(done)


@pytest.mark.parametrize("sender", [0, 1])
async def test_a_model_that_one_of_two_processes_set(pair: tuple[Process, Process], sender: int) -> None:
    """Told once, and as ours, whichever process sent the init and whichever tells; kept once, with that."""
    await claimed(pair[sender], "0a", "new")
    (change,) = await both_see(pair, "new")
    assert change.detail == {"before": "m", "ours": True}
    told = [line for line in pair[0].lines if "The model is now" in line]
    assert told == ["✓ The model is now new"]


async def test_a_model_that_others_set(pair: tuple[Process, Process]) -> None:
    """Also when this bot had set the same one before: one init explains one change."""
    await claimed(pair[0], "0a", "ours")
    changes = [await both_see(pair, model) for model in ("ours", "theirs", "ours")][-1]
    assert [(one.subject, one.detail["ours"]) for one in changes] == [
        ("ours", True),
        ("theirs", False),
        ("ours", False),
    ]
    told = [line for line in pair[0].lines if "The model is now" in line]
    assert told == [
        "✓ The model is now ours",
        "▲ The model is now theirs: set elsewhere, not through this bot",
        "▲ The model is now ours: set elsewhere, not through this bot",
    ]
    await claimed(pair[1], "0b", "new")
    assert (await both_see(pair, "new"))[-1].detail["ours"] is True


async def test_an_init_that_the_scheduler_refused_explains_nothing(pair: tuple[Process, Process]) -> None:
    """Somebody else set the model then."""
    switches = pair[0].database.switches
    await switches.open(replace(SWITCH, model="new"))
    assert await switches.claim_init("0a", now=pair[0].clock.now())
    assert await switches.save(replace(SWITCH, model="new", initialised=False))
    (change,) = await both_see(pair, "new")
    assert change.detail["ours"] is False


async def test_events_are_kept_once(pair: tuple[Process, Process]) -> None:
    """By one process; when it has ended without a word, the other keeps what that one has not."""
    for each in pair:
        await each.sees(report(ATTIC))
    assert len(await kept(pair[0], EventKind.NODE_LOST)) == 1
    (holder,) = [each for each in pair if await each.leadership.is_ours()]
    (waiter,) = [each for each in pair if each is not holder]

    await waiter.sees(report(RACK, ATTIC))
    assert await kept(waiter, EventKind.NODE_JOINED) == []
    waiter.clock.advance(LASTS)
    await waiter.looks()
    assert len(await kept(waiter, EventKind.NODE_JOINED)) == 1
    assert len(await kept(waiter, EventKind.NODE_LOST)) == 1


async def test_an_alert_is_told_by_one_of_two_processes(pair: tuple[Process, Process]) -> None:
    """Whoever is first tells it, and no other tells it anew when the node comes and goes."""
    one, other = pair
    for _ in range(3):
        for status in (report(ATTIC), report(RACK, ATTIC)):
            for _ in range(10):
                one.clock.advance(1.0)
                for each in pair:
                    await each.sees(status)
    lines = [line.partition(" · ")[0] for line in one.lines if "rack-1" in line]
    assert lines == ["▲ **rack-1** (RTX 4090) left the cluster", "✓ **rack-1** is back"]
    assert other.channel is one.channel


async def test_samples_are_kept_once(pair: tuple[Process, Process]) -> None:
    """A minute is one row, however many processes look."""
    one, other = pair
    history = one.database.history
    async with sampling(one):
        await one.clock.asleep()
        one.clock.advance(5.0)
        async with sampling(other):
            await both_sample(one.clock)
    samples = await history.samples(since=0.0)
    assert [round(later.at - earlier.at) for earlier, later in pairwise(samples)] == [60, 60]


async def both_sample(clock: HandClock) -> None:
    """Three minutes pass for two processes."""
    for _ in range(int(3 * SAMPLE_EVERY / 5) + 1):
        await clock.asleep(sleepers=2)
        clock.advance(5.0)
    await clock.asleep(sleepers=2)


def minute(at: float) -> Sample:
    """One of a process before."""
    return Sample(at, 60.0, 0.0, 1.0, 2.0, 2.0, 0, None, None)


async def test_what_is_older_than_a_week_becomes_hours_at_the_start(tmp_path: Path, clock: HandClock) -> None:
    """A bot that is restarted every hour has a history like any other; the week itself stays as it was."""
    async with process(new_database(tmp_path), clock) as bot:
        week = clock.now() - WEEK
        old, young = [minute(week - 60.0 * n) for n in (2, 1)], [minute(week + 60.0 * n) for n in (0, 1)]
        for sample in (*old, *young):
            await bot.database.history.add_sample(sample)
        async with sampling(bot):
            await bot.clock.asleep(sleepers=1)
        samples = list(await bot.database.history.samples(since=0.0))
        assert [(one.at, one.span) for one in samples[:1]] == [(week - HOUR, HOUR)]
        assert samples[1:] == young


async def test_what_grows_older_than_a_week_becomes_hours_every_hour(tmp_path: Path, clock: HandClock) -> None:
    """And not before."""
    async with process(new_database(tmp_path), clock) as bot:
        week = clock.now() - WEEK
        for n in (0, 1):
            await bot.database.history.add_sample(minute(week + 60.0 * n))

        async def spans() -> set[float]:
            return {one.span for one in await bot.database.history.samples(since=0.0) if one.at < week + HOUR}

        async with sampling(bot):
            await bot.clock.asleep(sleepers=1)
            bot.clock.advance(COMPACT_EVERY - 5.0)
            await bot.clock.asleep(sleepers=1)
            assert await spans() == {60.0}
            bot.clock.advance(5.0)
            await bot.clock.asleep(sleepers=1)
            assert await spans() == {HOUR}
