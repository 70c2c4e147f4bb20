"""Edits wait for their turn of the event loop only when there are many."""

from __future__ import annotations

import asyncio

from bot.clock import SystemClock
from bot.discord_io.delivery.edit_turns import EditQueue
from bot.domain.discord_calls.priority import CallPriority
from bot.domain.discord_calls.turns import MOST


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_few_begin_at_once_and_many_by_turns() -> None:
    queue, begun = EditQueue(SystemClock()), list[int]()

    async def edit(number: int) -> None:
        await queue.turn(number, CallPriority.TEXT)
        begun.append(number)

    tasks = [asyncio.create_task(edit(number)) for number in range(3 * MOST)]
    await turns(1)
    assert begun == list(range(MOST))
    await asyncio.gather(*tasks)
    assert begun == list(range(3 * MOST))


async def test_an_edit_that_became_the_last_one_goes_first_and_a_cancelled_one_not_at_all() -> None:
    queue, begun = EditQueue(SystemClock()), list[int]()

    async def edit(number: int) -> None:
        await queue.turn(number, CallPriority.TEXT)
        begun.append(number)

    tasks = [asyncio.create_task(edit(number)) for number in range(3 * MOST)]
    await turns(1)
    queue.reconsider(3 * MOST - 1, CallPriority.LAST)
    queue.reconsider(0, CallPriority.LAST)
    tasks[MOST].cancel()
    await asyncio.wait(tasks)
    assert begun[MOST : MOST + 2] == [3 * MOST - 1, MOST + 1]
    assert MOST not in begun


async def test_it_comes_to_rest_when_nobody_edits() -> None:
    """So that the loop may sleep."""
    queue = EditQueue(SystemClock())
    for number in range(3):
        await queue.turn(number, CallPriority.TEXT)
    await turns(4)
    assert not queue.is_turning
