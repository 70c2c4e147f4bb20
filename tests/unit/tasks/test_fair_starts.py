"""A few tasks begin in each turn of the event loop."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.tasks.fair_starts import FairStarts

EACH, AT_WORK = 3, 5


class Burst:
    """Tasks that note in which turn of the event loop they begin."""

    def __init__(self) -> None:
        self.held = False
        self.starts = FairStarts(EACH, AT_WORK, held=lambda: self.held)
        self.began: list[tuple[int, int]] = []
        self.turns: list[int] = []
        self._turn = 0

    async def come(self, user_id: int, number: int, work: asyncio.Event | None = None) -> None:
        """Wait for the turn, begin, and count as working until ``work`` is done."""
        start = self.starts.enter(user_id)
        await start.begins
        self.began.append((user_id, number))
        self.turns.append(self._turn)
        if work is not None:
            with start.working():
                await work.wait()

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
    people = Burst()
    tasks = [asyncio.create_task(people.come(user_id, 0)) for user_id in range(4 * EACH)]
    await asyncio.sleep(0)
    hurried = people.starts.enter(99)
    hurried.hurry()
    assert (hurried.begins.done(), hurried.turn.done()) == (True, False)
    await asyncio.gather(*tasks, hurried.turn)
    assert len(people.began) == 4 * EACH


async def test_nobody_begins_while_many_work() -> None:
    """Work that has ended makes room for as many."""
    people, work = Burst(), [asyncio.Event() for _ in range(3 * AT_WORK)]
    tasks = [asyncio.create_task(people.come(number, 0, event)) for number, event in enumerate(work)]
    await many_turns()
    # Those of one turn may begin before the first of them counts.
    assert AT_WORK <= len(people.began) < AT_WORK + EACH
    ended = 2
    for event in work[:ended]:
        event.set()
    await many_turns()
    assert AT_WORK <= len(people.began) - ended < AT_WORK + EACH
    for event in work:
        event.set()
    await asyncio.gather(*tasks)


async def test_work_that_waits_for_something_else_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is counted for a while only."""
    monkeypatch.setattr("bot.tasks.fair_starts.COUNTED_FOR", 0.0)
    people, never = Burst(), asyncio.Event()
    tasks = [asyncio.create_task(people.come(number, 0, never)) for number in range(3 * AT_WORK)]
    async with asyncio.timeout(5):
        await people.count(3 * AT_WORK)
    never.set()
    await asyncio.gather(*tasks)


async def test_nobody_begins_while_something_else_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Afterwards everybody does."""
    monkeypatch.setattr("bot.tasks.fair_starts.LOOKED_AGAIN_AFTER", 0.0)
    people = Burst()
    people.held = True
    tasks = [asyncio.create_task(people.come(number, 0)) for number in range(2 * EACH)]
    await many_turns()
    assert people.began == []
    people.held = False
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks)


async def many_turns() -> None:
    """Let everything that is ready run."""
    for _ in range(50):
        await asyncio.sleep(0)


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
