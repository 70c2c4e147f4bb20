"""Two processes side by side: one hears what people do, the other one answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import AsyncMock

import pytest

from bot.domain.queue.request import RequestState, StoredRequest
from bot.services.requests.cancellation import FULFILLED_WITHIN
from bot.services.requests.elsewhere import LOOK_EVERY
from tests.fakes.clocks import LoopClock
from tests.fakes.conversations import MemoryConversations
from tests.fakes.requests import MemoryRequests
from tests.fakes.schedulers import ready
from tests.fakes.wishes import MemoryLease, MemoryWishes
from tests.integration.services.process import RunningQueue, Settings, running

NOTICED = LOOK_EVERY + 0.5
TAKEN = 12.0
"""Seconds in which each process has looked at the queue by itself."""


@asynccontextmanager
async def pair(capacity: int = 1) -> AsyncIterator[tuple[RunningQueue, RunningQueue, set[str]]]:
    """A process that hears, one that answers what waits, and the names of those that live."""
    conversations = MemoryConversations()
    store = MemoryRequests(conversations)
    alive, wishes, lease = {"hears", "answers"}, MemoryWishes(store), MemoryLease()
    first = Settings("hears", alive, LoopClock(), wishes=wishes, lease=lease)
    second = Settings("answers", alive, LoopClock(), wishes=wishes, lease=lease)
    async with (
        running(ready(capacity), store, conversations, first) as hears,
        running(ready(capacity), store, conversations, second) as answers,
    ):
        await LoopClock().sleep(1.0)
        # It takes nothing any more, as while it ends.
        hears.gate.restart()
        yield hears, answers, alive


async def test_a_process_that_ends_takes_questions_and_another_one_answers_them() -> None:
    """Nobody reads that the bot restarts. The one that does not answer lets go of the message."""
    async with pair() as (hears, answers, _):
        asked = await hears.asks(1, "why?")
        await LoopClock().sleep(TAKEN)
        stream = await answers.scheduler.asked(1)
        stream.begin()
        await LoopClock().sleep(NOTICED)
        assert hears.live_answers.get(asked) is None
        assert "restarting" not in "".join(hears.answer(asked).states)
        stream.end("because")
        await answers.until_shows(asked, "because")


async def test_stop_reaches_the_process_that_answers() -> None:
    """It keeps what people have read, and shows who stopped it; the other one says nothing."""
    async with pair() as (hears, answers, _):
        asked = await hears.asks(1, "why?")
        await LoopClock().sleep(TAKEN)
        stream = await answers.scheduler.asked(1)
        stream.begin()
        stream.say("a part")
        await LoopClock().sleep(1.0)
        assert await hears.cancellation.stop(asked, by=1)
        await LoopClock().sleep(NOTICED)
        await answers.until_settled()
        assert await hears.state(asked) in {RequestState.DELIVERED, RequestState.CANCELLED}
        assert answers.in_flight.running == 0
        assert "stopped" in answers.answer(asked).text
        assert not await hears.cancellation.stop(asked, by=1)


async def test_a_process_that_hangs_does_not_keep_a_question_from_being_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It has three seconds; then the other one ends the question and shows that."""
    async with pair() as (hears, answers, _):
        asked = await hears.asks(1, "why?")
        await LoopClock().sleep(TAKEN)
        await answers.scheduler.asked(1)
        # It reads no wishes.
        monkeypatch.setattr(answers.cancellation, "fulfil", AsyncMock())
        assert await hears.cancellation.stop(asked, by=1)
        await LoopClock().sleep(FULFILLED_WITHIN + 1.0)
        assert await hears.state(asked) is RequestState.CANCELLED
        assert "stopped" in hears.answer(asked).text


async def test_one_process_shows_where_everybody_is_in_the_queue() -> None:
    """The leader, for the questions of all. When it is gone, another one does."""
    async with pair() as (hears, answers, alive):
        await hears.asks(1, "first")
        await LoopClock().sleep(TAKEN)
        (await answers.scheduler.asked(1)).begin()
        waiting = await answers.asks(2, "second")
        await LoopClock().sleep(TAKEN)
        assert "next in the queue" in hears.answer(waiting).text
        assert answers.live_answers.get(waiting) is None

        alive.discard("hears")
        later = await answers.asks(3, "third")
        await LoopClock().sleep(TAKEN)
        assert "next in the queue" in answers.answer(waiting).text
        assert "2nd in the queue" in answers.answer(later).text


async def test_a_question_that_another_process_shows_can_be_withdrawn() -> None:
    """It never runs. Who was asked to says so in its message, and the other one lets go of it."""
    async with pair() as (hears, answers, _):
        await hears.asks(1, "first")
        await LoopClock().sleep(TAKEN)
        (await answers.scheduler.asked(1)).begin()
        waiting = await hears.asks(2, "second")
        await LoopClock().sleep(TAKEN)
        assert answers.live_answers.get(waiting) is None
        assert await answers.cancellation.stop(waiting, by=2)
        await LoopClock().sleep(NOTICED)
        assert await hears.state(waiting) is RequestState.CANCELLED
        assert "cancelled" in answers.answer(waiting).text
        assert hears.live_answers.get(waiting) is None


async def test_each_process_claims_one_question_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of claims at once, each would count on room that another one of the same process uses, and the processes
    together would ask the cluster more than it takes."""
    async with pair(capacity=4) as (hears, answers, _):
        claim, under_way, most = answers.store.claim, [0], [0]

        async def slow(*args: Any, **how: Any) -> StoredRequest | None:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
            await LoopClock().sleep(0.01)
            try:
                return await claim(*args, **how)
            finally:
                under_way[0] -= 1

        monkeypatch.setattr(answers.store, "claim", slow)
        for number in range(6):
            await hears.asks(number, f"question {number}")
        await LoopClock().sleep(TAKEN)
        assert answers.in_flight.running == 4
        assert most[0] == 1
