"""How processes on one PostgreSQL server share the gateway: who answers, who connects, whose turn it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.clock import SystemClock
from bot.domain.discord_calls.session_starts import IDENTIFY_EVERY
from bot.storage.processes import entered
from bot.storage.server_session import ServerSession
from bot.storage.shared_gateway import (
    HEARD_WITHIN,
    TAKEN_BACK_WITHIN,
    TRY_EVERY,
    WANTED_WITHIN,
    SharedHearing,
    SharedIdentifyTurns,
    SharedShards,
)
from bot.tasks.background import Background
from tests.fakes.clocks import HandClock, HastyClock
from tests.fakes.postgres import emptied_database


@dataclass(frozen=True)
class Side:
    """What one process has to share the gateway with."""

    session: ServerSession
    hearing: SharedHearing
    shards: SharedShards
    turns: SharedIdentifyTurns


@asynccontextmanager
async def side(url: str, clock: HandClock) -> AsyncIterator[Side]:
    """A process."""
    background = Background()
    async with entered(url, SystemClock()) as there:
        session = there.session
        assert session is not None
        yield Side(
            session,
            SharedHearing(session, clock, background),
            SharedShards(session, clock),
            SharedIdentifyTurns(session, clock, background),
        )
        await background.aclose()


async def passing(clock: HandClock, seconds: float, waiting: asyncio.Task[bool]) -> None:
    """Let time pass for what ``waiting`` does, look by look, unless it ends."""
    for _ in range(round(seconds / TRY_EVERY)):
        asleep = asyncio.create_task(clock.asleep())
        await asyncio.wait({asleep, waiting}, return_when=asyncio.FIRST_COMPLETED)
        asleep.cancel()
        clock.advance(TRY_EVERY)


async def test_one_of_all_that_hear_answers() -> None:
    """Whoever asks first. What was long ago is forgotten, and without the server each answers."""
    clock = HastyClock()
    url = await emptied_database()
    async with side(url, clock) as one, side(url, clock) as other:
        numbers = range(1_323_802_873_040_994_304, 1_323_802_873_040_994_304 + 50)
        answers = [asyncio.gather(*map(each.hearing.is_ours, numbers)) for each in (one, other)]
        first, second = await asyncio.gather(*answers)
        assert [a ^ b for a, b in zip(first, second, strict=True)] == [True] * 50
        assert not await other.hearing.is_ours(numbers[0]) or first[0] is False

        clock.advance(HEARD_WITHIN + 1.0)
        assert await one.hearing.is_ours(1)  # it tidies up after this
        assert await one.hearing.is_ours(3)  # and has done so before this
        assert await other.hearing.is_ours(2)
        assert await other.hearing.is_ours(numbers[0])
        await one.session.close()
        assert await one.hearing.is_ours(2)


async def test_a_shard_is_handed_over_once_the_other_one_has_connected_it() -> None:
    """The other one waits for the shard; the first waits until that is connected."""
    url = await emptied_database()
    first_clock, second_clock = HandClock(), HastyClock()
    async with side(url, first_clock) as first, side(url, second_clock) as second:
        await first.shards.take(0, 1)
        await first.shards.connected(0, 1)
        taking = asyncio.create_task(second.shards.take(0, 1))
        assert await second.hearing.is_ours(1)  # it has been refused the shard meanwhile
        assert not taking.done()

        handing_over = asyncio.create_task(first.shards.hand_over(10.0))
        await taking
        await passing(first_clock, 5.0, handing_over)
        assert not handing_over.done()
        assert not await first.shards.is_handed_over()
        await second.shards.connected(0, 1)
        await passing(first_clock, 1.0, handing_over)
        assert await handing_over
        assert await first.shards.is_handed_over()
        # The one that ends connects it again when Discord asks for that.
        await first.shards.take(0, 1)


async def test_another_process_takes_the_place_of_one_that_ends_while_it_takes_over() -> None:
    """The first hears until somebody does for good."""
    url = await emptied_database()
    first_clock = HandClock()
    async with side(url, first_clock) as first, side(url, HastyClock()) as third:
        await first.shards.take(0, 1)
        async with side(url, HastyClock()) as second:
            handing_over = asyncio.create_task(first.shards.hand_over(10.0))
            await second.shards.take(0, 1)
            await second.shards.connected(0, 1)
            await passing(first_clock, 0.5, handing_over)
            assert await handing_over
            taking = asyncio.create_task(third.shards.take(0, 1))
            assert await third.hearing.is_ours(3)  # it has been refused the shard meanwhile
        assert not await first.shards.is_handed_over()
        handing_over = asyncio.create_task(first.shards.hand_over(10.0))
        await taking
        await third.shards.connected(0, 1)
        await passing(first_clock, 0.5, handing_over)
        assert await handing_over


async def test_each_shard_that_is_connected_elsewhere_renews_the_patience() -> None:
    """Many shards take turns to begin: what counts is that they do."""
    url = await emptied_database()
    first_clock = HandClock()
    async with side(url, first_clock) as first, side(url, HastyClock()) as second:
        for shard_id in range(3):
            await first.shards.take(shard_id, 3)
        handing_over = asyncio.create_task(first.shards.hand_over(5.0))
        for shard_id in range(3):
            await second.shards.take(shard_id, 3)
        for shard_id in range(2):
            await passing(first_clock, 4.0, handing_over)
            await second.shards.connected(shard_id, 3)
        await passing(first_clock, 4.0, handing_over)
        assert not handing_over.done()
        await passing(first_clock, 2.0, handing_over)
        assert not await handing_over


async def test_of_two_that_end_neither_counts_for_the_other() -> None:
    """Who stands by and ends wants nothing any more."""
    url = await emptied_database()
    first_clock = HandClock()
    async with side(url, first_clock) as first, side(url, HastyClock()) as second:
        await first.shards.take(0, 1)
        taking = asyncio.create_task(second.shards.take(0, 1))
        assert await second.hearing.is_ours(1)
        assert not await second.shards.hand_over(5.0)
        handing_over = asyncio.create_task(first.shards.hand_over(60.0))
        await passing(first_clock, WANTED_WITHIN + 1.0, handing_over)
        assert not await handing_over
        assert not taking.done()
        taking.cancel()


async def test_a_shard_that_nobody_wants_is_not_waited_for() -> None:
    """After a second it is clear that nobody stands by."""
    url, clock = await emptied_database(), HastyClock()
    async with side(url, clock) as only:
        await only.shards.take(0, 1)
        began = clock.monotonic()
        assert not await only.shards.hand_over(10.0)
        assert clock.monotonic() - began < 2.0


async def test_after_a_restart_of_the_server_a_shard_stays_where_it_is_connected() -> None:
    """Who stands by may have its session anew before who is connected has: it waits."""
    url = await emptied_database()
    clock = HandClock()
    async with entered(url, SystemClock()) as connected, entered(url, clock) as spare:
        assert connected.session is not None
        assert spare.session is not None
        first, second = SharedShards(connected.session, SystemClock()), SharedShards(spare.session, clock)
        await first.take(0, 1)
        taking = asyncio.create_task(second.take(0, 1))
        await clock.asleep()
        await spare.session.open()
        await connected.session.close()
        for _ in range(round(TAKEN_BACK_WITHIN / TRY_EVERY) - 1):
            clock.advance(TRY_EVERY)
            await clock.asleep()
        assert not taking.done()
        clock.advance(2 * TRY_EVERY)
        await taking


async def test_sessions_of_all_processes_take_turns() -> None:
    """The next one begins when the last is old enough, in whichever process; another bucket does not wait."""
    url = await emptied_database()
    clock, other_clock = HandClock(), HastyClock()
    async with side(url, clock) as one, side(url, other_clock) as other:
        async with one.turns.turn(0), other.turns.turn(1):
            pass

        async def begin() -> float:
            async with other.turns.turn(0):
                return clock.monotonic()

        beginning = asyncio.create_task(begin())
        ended = clock.monotonic()
        await clock.asleep()
        while not beginning.done():
            clock.advance(0.5)
            await one.hearing.is_ours(int(clock.at))
        assert beginning.result() - ended >= IDENTIFY_EVERY - 0.5
