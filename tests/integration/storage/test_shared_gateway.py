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
from bot.storage.shared_gateway import HEARD_WITHIN, SharedHearing, SharedIdentifyTurns, SharedShards
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
        assert await one.hearing.is_ours(1)  # it tidies up
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
        first_clock.advance(1.0)
        assert not handing_over.done()
        await second.shards.connected(0, 1)
        while not handing_over.done():
            first_clock.advance(0.25)
            await second.hearing.is_ours(2)
        assert handing_over.result()


async def test_a_shard_that_nobody_wants_is_not_waited_for() -> None:
    """After a second it is clear that nobody stands by."""
    url, clock = await emptied_database(), HastyClock()
    async with side(url, clock) as only:
        await only.shards.take(0, 1)
        began = clock.monotonic()
        assert not await only.shards.hand_over(10.0)
        assert clock.monotonic() - began < 2.0


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
