"""The order in which waiting people get their turns."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import WaitListFull
from bot.workers.fair_semaphore import FairSemaphore

WIDTH, MOST = 2, 4


class Burst:
    """People who wait for a semaphore and hold it until the test releases them."""

    def __init__(self, most_waiting: int | None) -> None:
        self.semaphore = FairSemaphore(WIDTH, most_waiting=most_waiting)
        self.inside: list[tuple[int, int]] = []
        self.order: list[tuple[int, int]] = []
        self.refused: list[tuple[int, int]] = []
        self._out = asyncio.Semaphore(0)

    async def come(self, user_id: int, number: int) -> None:
        """Wait for a turn, hold it for a while, and release it."""
        try:
            async with self.semaphore.passing(user_id):
                self.inside.append((user_id, number))
                self.order.append((user_id, number))
                people = [who for who, _ in self.inside]
                assert len(people) <= WIDTH
                assert len(set(people)) == len(people)
                await self._out.acquire()
                self.inside.remove((user_id, number))
        except WaitListFull:
            self.refused.append((user_id, number))

    async def settle(self, came: list[asyncio.Task[None]]) -> None:
        """Release turns until nobody waits."""
        for _ in came:
            self._out.release()
        await asyncio.gather(*came, return_exceptions=True)


@given(st.lists(st.integers(1, 4), max_size=30), st.lists(st.integers(0, 29), max_size=8))
def test_all_are_served_in_order_few_at_once(who: list[int], give_up: list[int]) -> None:
    """Never more than two, never two of one person, and a person's own in the order they came."""

    async def burst() -> None:
        people = Burst(None)
        came = [asyncio.create_task(people.come(user_id, number)) for number, user_id in enumerate(who)]
        await asyncio.wait(came, timeout=0) if came else None
        for number in give_up:
            if number < len(came):
                came[number].cancel()
        await asyncio.sleep(0)
        await people.settle(came)
        served = {number for _, number in people.order}
        assert served >= set(range(len(who))) - set(give_up)
        for user_id in set(who):
            own = [number for who_came, number in people.order if who_came == user_id]
            assert own == sorted(own)
        async with asyncio.timeout(1), people.semaphore.passing(1), people.semaphore.passing(2):
            pass

    asyncio.run(burst())


@given(st.lists(st.integers(1, 5), max_size=40))
def test_the_wait_list_is_bounded_and_nobody_fills_it_alone(who: list[int]) -> None:
    """Everybody is served or refused; a refused person had no fewer waiting than anybody else."""

    async def burst() -> None:
        people = Burst(MOST)
        came = [asyncio.create_task(people.come(user_id, number)) for number, user_id in enumerate(who)]
        await asyncio.wait(came, timeout=0) if came else None
        await people.settle(came)
        assert len(people.order) + len(people.refused) == len(who)
        assert len(people.order) <= WIDTH + MOST
        if len(set(who)) <= MOST:
            assert {user_id for user_id, _ in people.order} == set(who)

    asyncio.run(burst())


async def test_one_persons_flood_leaves_room_for_the_next_one() -> None:
    """The newest task of the person with most waiting tasks is refused, not the newcomer's."""
    people = Burst(MOST)
    came = [asyncio.create_task(people.come(1, number)) for number in range(20)]
    came += [asyncio.create_task(people.come(user_id, 20)) for user_id in (2, 3)]
    await asyncio.wait(came, timeout=0)
    await people.settle(came)
    assert people.order[:3] == [(1, 0), (2, 20), (3, 20)]
    assert [number for user_id, number in people.order if user_id == 1] == [0, 1, 2, 3]
    assert len(people.refused) == 16


async def test_who_is_refused_reads_a_sentence_of_its_own() -> None:
    """The error is another one than that of a full queue of questions."""
    semaphore = FairSemaphore(1, most_waiting=0)
    async with semaphore.passing(1):
        with pytest.raises(WaitListFull) as refused:
            async with semaphore.passing(2):
                pass
    assert refused.value.key == "error.wait_list_full"


async def test_a_turn_that_comes_while_its_owner_leaves_goes_to_the_next() -> None:
    """Nobody would hold it, and nobody could take it."""
    semaphore = FairSemaphore(1)
    served: list[int] = []

    async def pass_through(user_id: int) -> None:
        async with semaphore.passing(user_id):
            served.append(user_id)

    async with semaphore.passing(1):
        second, third = (asyncio.create_task(pass_through(user_id)) for user_id in (2, 3))
        await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait_for(third, 5.0)
    assert served == [3]
