"""Questions that are claimed in the transaction in which they join the queue."""

from __future__ import annotations

import asyncio

from bot.domain.conversation.store import ConversationKey
from bot.domain.queue.request import RequestState
from bot.domain.queue.store import Admission, QueuePause
from tests.fakes.questions import WIDE, question
from tests.fakes.schedulers import ready
from tests.integration.services.process import PATIENCE, RunningQueue, running


async def join(queue: RunningQueue, number: int) -> None:
    """Let a question of somebody's own join."""
    asked = question(f"q{number}", user=number, conversation=number)
    await queue.dispatcher.join(asked, ConversationKey(700 + number), [], Admission(WIDE))


async def states(queue: RunningQueue, count: int) -> list[RequestState]:
    return [await queue.state(f"q{number}") for number in range(1, count + 1)]


async def test_a_question_runs_when_it_has_joined() -> None:
    """Nothing has to wake the dispatcher."""
    async with running(ready(2)) as queue:
        await queue.asks(99, "?")
        (await queue.scheduler.asked(1)).end("first")
        await queue.until_settled()
        for _ in range(20):
            # The dispatcher looks for more, finds nothing, and waits.
            await asyncio.sleep(0)
        await join(queue, 1)
        assert await states(queue, 1) == [RequestState.RUNNING]
        (await queue.scheduler.asked(2)).end("done")
        await queue.until_settled()
        assert await states(queue, 1) == [RequestState.DELIVERED]


async def test_many_that_join_together_never_take_more_than_the_slots() -> None:
    """And all are answered, also those that joined while another one was claimed."""
    async with running(ready(2)) as queue:
        await asyncio.gather(*(join(queue, number) for number in range(1, 13)))
        await queue.scheduler.asked(2)
        async with asyncio.timeout(PATIENCE):
            while set(await states(queue, 12)) != {RequestState.DELIVERED}:
                for stream in queue.scheduler.open:
                    stream.end("done")
                await asyncio.sleep(0)
        assert queue.scheduler.most_open == 2


async def test_nothing_is_claimed_while_the_queue_is_held() -> None:
    """The question waits, and leaves when it is let."""
    async with running(ready(2)) as queue:
        await queue.gate.pause(QueuePause("", by=7, since=0.0))
        await join(queue, 1)
        assert await states(queue, 1) == [RequestState.QUEUED]
        await queue.gate.resume()
        (await queue.scheduler.asked(1)).end("done")
        await queue.until_settled()
        assert await states(queue, 1) == [RequestState.DELIVERED]
