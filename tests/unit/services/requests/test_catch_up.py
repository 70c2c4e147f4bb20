"""The bot knows since when it was away, and marks until when it has heard everything."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.domain.queue.missed import OVERLAP, HeardPlace, Mark, first_id
from bot.errors import StorageError
from bot.services.requests.catch_up import DAY, HOUR, MOST_PLACES, NOTED_EVERY, CatchUp
from tests.fakes.clocks import HandClock


class Store:
    """What is stored, in memory."""

    def __init__(self, *places: HeardPlace) -> None:
        self.kept: dict[tuple[int, int], float] = {}
        self.places = places
        self.asked_since = 0.0
        self.fails = False

    async def marks(self) -> Sequence[Mark]:
        """All marks."""
        return [Mark(shard, count, until) for (shard, count), until in self.kept.items()]

    async def note(self, marks: Sequence[Mark]) -> None:
        """Set marks."""
        if self.fails:
            raise StorageError("the disk is full")
        self.kept |= {(mark.shard_id, mark.count): mark.until for mark in marks}

    async def heard_places(self, *, since: float, most: int) -> Sequence[HeardPlace]:
        """The places."""
        self.asked_since = since
        return self.places[:most]

    async def is_open(self, message_id: int, *, author_id: int, channel_id: int) -> bool:
        """Everything is."""
        return True


def catch_up(store: Store, clock: HandClock, sessions: dict[int, int], *sources: Store) -> CatchUp:
    """With the usual settings."""
    return CatchUp(store, clock, lambda: sessions, hours=12, days=7, sources=sources)


async def test_a_first_start_has_missed_nothing() -> None:
    """Nothing is known from before; from then on there is a mark."""
    store, clock = Store(), HandClock()
    one = catch_up(store, clock, {0: 1})
    assert one.due() == {0: 1}
    assert await one.gaps(one.due(), 1) == {}
    await one.done({0: 1}, 1)
    assert one.due() == {}
    assert store.kept == {(0, 1): clock.now()}


async def test_an_absence_begins_a_little_before_the_mark() -> None:
    """And not longer ago than questions may be old."""
    store, clock = Store(), HandClock()
    clock.at += 100 * HOUR
    store.kept[0, 2] = clock.now() - HOUR
    store.kept[1, 2] = clock.now() - 20 * HOUR
    gaps = await catch_up(store, clock, {0: 1, 1: 1}).gaps((0, 1), 2)
    assert gaps == {
        0: first_id(clock.now() - HOUR - OVERLAP),
        1: first_id(clock.now() - 12 * HOUR),
    }


async def test_a_new_session_has_missed_something_until_that_is_done() -> None:
    """Its mark stands still meanwhile, as while the shard is not connected; another shard's moves on."""
    store, clock = Store(), HandClock()
    sessions = {0: 1, 1: 1}
    one = catch_up(store, clock, sessions)
    await one.done({0: 1, 1: 1}, 2)
    began = clock.now()
    sessions[0] = 2
    clock.at += 40
    await one.done({}, 2)
    assert one.due() == {0: 2}
    assert store.kept == {(0, 2): began, (1, 2): began + 40}
    del sessions[1]
    clock.at += 40
    await one.done({0: 2}, 2)
    assert store.kept == {(0, 2): began + 80, (1, 2): began + 40}
    sessions[1] = 1
    assert one.due() == {}


async def test_marks_move_along_with_the_time() -> None:
    """Although the database fails for a moment."""
    store, clock = Store(), HandClock()
    one = catch_up(store, clock, {0: 1})
    await one.done({0: 1}, 1)
    noting = asyncio.create_task(one.run())
    began = store.kept[0, 1]
    store.fails = True
    await clock.asleep()
    clock.advance(NOTED_EVERY)
    await clock.asleep()
    assert store.kept[0, 1] == began
    store.fails = False
    clock.advance(NOTED_EVERY)
    await clock.asleep()
    assert store.kept[0, 1] == began + 2 * NOTED_EVERY
    noting.cancel()
    await asyncio.gather(noting, return_exceptions=True)


async def test_places_come_from_all_sources_once() -> None:
    """Bounded together; used in the last days."""
    clock = HandClock()
    clock.at += 100 * DAY
    mine = Store(HeardPlace(1, 8), HeardPlace(2, 8))
    more = Store(HeardPlace(2, 8), *(HeardPlace(number, 8) for number in range(3, MOST_PLACES + 5)))
    found = await catch_up(mine, clock, {}, more).places()
    assert found[:3] == [HeardPlace(1, 8), HeardPlace(2, 8), HeardPlace(3, 8)]
    assert len(found) == MOST_PLACES
    assert mine.asked_since == more.asked_since == clock.now() - 7 * DAY


async def test_it_may_be_off() -> None:
    """Nothing runs then."""
    off = CatchUp(Store(), HandClock(), dict, hours=0, days=7)
    assert not off.is_on
    await off.run()
