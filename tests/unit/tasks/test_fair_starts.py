"""A few tasks begin in each turn of the event loop."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from bot.tasks.fair_starts import FairStarts

EACH = 3


class Burst:
    """Tasks that note in which turn of the event loop they begin."""

    def __init__(self) -> None:
        self.starts = FairStarts(EACH)
        self.began: list[tuple[int, int]] = []
        self.turns: list[int] = []
        self._turn = 0

    async def come(self, user_id: int, number: int, begins: asyncio.Future[None] | None = None) -> None:
        """Wait for the turn and begin."""
        await self.starts.turn(user_id, begins or asyncio.get_running_loop().create_future())
        self.began.append((user_id, number))
        self.turns.append(self._turn)

    async def count(self, tasks: int) -> None:
        """Count the turns of the loop until all have begun."""
        while len(self.began) < tasks:
            await asyncio.sleep(0)
            self._turn += 1


@given(st.lists(st.integers(1, 4), max_size=30))
def test_all_begin_a_few_at_a_time(who: list[int]) -> None:
    """And after those that began at once, everybody's first before anybody's second."""

    async def burst() -> None:
        people = Burst()
        numbered = [(user_id, who[:at].count(user_id)) for at, user_id in enumerate(who)]
        tasks = [asyncio.create_task(people.come(*one)) for one in numbered]
        async with asyncio.timeout(5):
            await people.count(len(who))
            await asyncio.gather(*tasks)
        assert people.began[:EACH] == numbered[:EACH]
        rest = people.began[EACH:]
        assert rest == sorted(rest, key=lambda one: (one[1], numbered.index(one)))
        assert all(people.turns.count(turn) <= EACH for turn in people.turns)

    asyncio.run(burst())


async def test_who_is_in_a_hurry_begins_before_their_turn() -> None:
    """And takes nobody else's."""
    people, hurry = Burst(), asyncio.get_running_loop().create_future()
    tasks = [asyncio.create_task(people.come(user_id, 0)) for user_id in range(4 * EACH)]
    tasks.append(asyncio.create_task(people.come(99, 0, hurry)))
    await asyncio.sleep(0)
    hurry.set_result(None)
    await asyncio.gather(*tasks)
    assert people.began.index((99, 0)) <= 2 * EACH
    assert len(people.began) == 4 * EACH + 1


async def test_a_cancelled_wait_delays_nobody() -> None:
    """Its turn is the next one's."""
    people = Burst()
    tasks = [asyncio.create_task(people.come(user_id, 0)) for user_id in range(3 * EACH)]
    await asyncio.sleep(0)
    tasks[EACH].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [user_id for user_id, _ in people.began] == [n for n in range(3 * EACH) if n != EACH]


async def test_afterwards_everybody_is_as_new() -> None:
    """What somebody did in an earlier burst does not count."""
    people = Burst()
    await asyncio.gather(*(people.come(1, number) for number in range(2 * EACH)))
    for _ in range(3):
        await asyncio.sleep(0)
    people.began.clear()
    await asyncio.gather(*(people.come(user_id, 0) for user_id in (7, 8, 9, 1, 2)))
    assert [user_id for user_id, _ in people.began] == [7, 8, 9, 1, 2]
