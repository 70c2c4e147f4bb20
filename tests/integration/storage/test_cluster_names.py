"""What is stored under the names of clusters, when the settings name others than before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.cluster.boards import OpenAlert
from bot.domain.cluster.events import ClusterEvent, EventKind
from bot.domain.cluster.history import Sample
from bot.domain.cluster.switch_steps import Switch, SwitchState
from bot.domain.conversation.store import ConversationKey
from bot.domain.queue.store import Place, QueuePause
from bot.storage.database import Database
from tests.fakes.clocks import always
from tests.fakes.databases import ENGINES, empty_database
from tests.fakes.questions import WIDE, question

LOST = OpenAlert(EventKind.NODE_LOST.value, "a-node", 5.0)
PAUSE = QueuePause("Switching to new", by=7, since=5.0)
SWITCH = Switch("0a", "new", 1, True, "old", 1, 7, 5.0)


def sample(at: float, waiting: float = 1.0) -> Sample:
    """A minute."""
    return Sample(at, 60.0, waiting, 1.0, 2.0, 3.0, 0, None, None)


@pytest.fixture(params=ENGINES)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty one on each engine."""
    async with Database.open(await empty_database(request.param, tmp_path)) as opened:
        yield opened


async def filled(database: Database, name: str) -> None:
    """A cluster with something of everything."""
    await database.history.of(name).add_events([ClusterEvent(EventKind.USABLE, 5.0, "a-model")])
    await database.history.of(name).add_sample(sample(60.0))
    await database.boards.of(name).begin_alerts([LOST])
    await database.switches.of(name).open(replace(SWITCH, switch_id=f"0{name[:1] or '0'}", cluster=name))


async def test_clusters_have_each_their_own(database: Database) -> None:
    """Events and samples of the same moment, the same alert, a switch."""
    for name in ("studio", "office"):
        await filled(database, name)
    await database.boards.of("office").end_alerts([LOST])
    assert await database.boards.of("studio").open_alerts() == [LOST]
    assert await database.boards.of("office").open_alerts() == []
    assert len(await database.history.of("office").events(since=0.0, limit=9)) == 1
    await database.history.of("studio").add_sample(sample(60.0, waiting=3.0))
    assert [one.waiting for one in await database.history.of("office").samples(since=0.0)] == [1.0]
    assert await database.history.of("office").compact(before=7300.0) == 0
    hours = await database.history.of("studio").samples(since=0.0)
    assert [(one.at, one.span, one.waiting) for one in hours] == [(0.0, 3600.0, 3.0)]
    current = await database.switches.of("office").current()
    assert current is not None
    assert (current.switch_id, current.cluster) == ("0o", "office")
    assert await database.switches.of("attic").current() is None
    assert await database.switches.of("attic").get("0o") == current


async def test_the_first_name_takes_over_what_had_none(database: Database) -> None:
    """Its history goes on, and a switch holds its cluster instead of the queue."""
    await filled(database, "")
    await database.conversations.conversation(ConversationKey(71))
    await database.requests.enqueue(question("a"), WIDE)
    assert await database.requests.claim("me", now=always(1.0), lease=30, place=Place()) is not None
    await database.requests.pause(PAUSE)

    await database.cluster_names.configured(["studio", "office"], now=9.0)

    studio = database.history.of("studio")
    assert len(await studio.events(since=0.0, limit=9)) == len(await studio.samples(since=0.0)) == 1
    assert await database.boards.of("studio").open_alerts() == [LOST]
    switch = await database.switches.of("studio").current()
    assert switch is not None
    assert await database.requests.pauses() == {"studio": PAUSE}
    assert await database.requests.running_at("studio") == 1
    for nothing in (database.history.of("office"), database.history):
        assert await nothing.samples(since=0.0) == []


async def test_a_pause_of_operators_stays_one_of_the_queue(database: Database) -> None:
    """A switch that found it paused did not hold it."""
    await database.switches.open(replace(SWITCH, paused_before=True))
    await database.requests.pause(PAUSE)
    await database.cluster_names.configured(["studio"], now=9.0)
    assert await database.requests.pauses() == {"": PAUSE}


async def test_what_a_name_had_before_is_not_lost_or_doubled(database: Database) -> None:
    """Settings that change to and fro: of the same moment its own stays, and one switch is open."""
    await filled(database, "studio")
    await filled(database, "")
    await database.history.add_sample(sample(60.0, waiting=9.0))
    await database.history.add_sample(sample(120.0, waiting=9.0))

    await database.cluster_names.configured(["studio"], now=9.0)
    await database.cluster_names.configured(["studio"], now=9.0)

    waiting = [one.waiting for one in await database.history.of("studio").samples(since=0.0)]
    assert waiting == [1.0, 9.0]
    assert await database.boards.of("studio").open_alerts() == [LOST]
    ended = await database.switches.get("00")
    assert ended is not None
    assert (ended.state, ended.finished_at) == (SwitchState.CANCELLED, 9.0)
    assert await database.switches.of("studio").current() is not None


async def test_of_a_cluster_that_is_gone_nothing_stays_open(database: Database) -> None:
    """Its switch is cancelled, its alerts and its pause are over; its history stays, should it come back."""
    for name in ("studio", "office"):
        await filled(database, name)
        await database.requests.pause(PAUSE, name)

    await database.cluster_names.configured(["office"], now=9.0)

    assert await database.switches.of("studio").current() is None
    assert await database.switches.of("office").current() is not None
    assert await database.boards.of("studio").open_alerts() == []
    assert await database.boards.of("office").open_alerts() == [LOST]
    assert await database.requests.pauses() == {"office": PAUSE}
    assert len(await database.history.of("studio").samples(since=0.0)) == 1
