"""One person's tasks one after the other, whatever other people's do."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.tasks.keyed_locks import KeyedLocks


class Burst:
    """People who wait for their turn and hold it until the test ends it."""

    def __init__(self) -> None:
        self.turns = KeyedLocks()
        self.inside: list[int] = []
        self.order: list[tuple[int, int]] = []
        self._out = asyncio.Semaphore(0)

    async def come(self, user_id: int, number: int) -> None:
        """Wait for a turn, hold it for a while, and release it."""
        async with self.turns.of(user_id):
            assert user_id not in self.inside
            self.inside.append(user_id)
            self.order.append((user_id, number))
            try:
                await self._out.acquire()
            finally:
                self.inside.remove(user_id)

    def end(self, turns: int) -> None:
        """Let so many turns end."""
        for _ in range(turns):
            self._out.release()


@given(st.lists(st.integers(1, 4), max_size=20), st.lists(st.integers(0, 19), max_size=8))
def test_everybody_comes_in_at_once_and_each_persons_tasks_in_order(who: list[int], give_up: list[int]) -> None:
    """Who gives up, before or after their turn came, keeps nobody out."""

    async def burst() -> None:
        people = Burst()
        came = [asyncio.create_task(people.come(user_id, number)) for number, user_id in enumerate(who)]
        if came:
            await asyncio.wait(came, timeout=0)
        assert sorted(people.inside) == sorted(set(who))
        for number in give_up:
            if number < len(came):
                came[number].cancel()
        people.end(len(came))
        await asyncio.gather(*came, return_exceptions=True)

        served = {number for _, number in people.order}
        assert served >= set(range(len(who))) - set(give_up)
        for user_id in set(who):
            own = [number for who_came, number in people.order if who_came == user_id]
            assert own == sorted(own)
        for user_id in set(who):
            async with asyncio.timeout(1), people.turns.of(user_id):
                pass

    asyncio.run(burst())


async def test_who_is_cancelled_when_their_turn_has_come_passes_it_on() -> None:
    """At that moment the turn is theirs already, although they have not begun."""
    people = Burst()
    came = [asyncio.create_task(people.come(1, number)) for number in range(3)]
    await asyncio.wait(came, timeout=0)
    people.end(1)
    await came[0]
    came[1].cancel()
    people.end(2)
    await asyncio.wait(came)
    assert people.order in ([(1, 0), (1, 2)], [(1, 0), (1, 1), (1, 2)])


async def test_a_failure_ends_the_turn() -> None:
    """The next one comes in."""
    turns = KeyedLocks()
    with pytest.raises(ValueError, match="none"):
        async with turns.of(1):
            int("none")
    async with asyncio.timeout(1), turns.of(1):
        pass
