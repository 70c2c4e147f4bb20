"""Questions that their asker deletes: what their message says, and what stays counted."""

from __future__ import annotations

import asyncio

import pytest

from bot.domain.queue.request import RequestState
from bot.presentation.page import Control, Page
from bot.services.answers.attempt import Stop, StopCause
from tests.fakes.schedulers import NO_MODEL, ready
from tests.integration.services.process import RunningQueue, running


def last_page(queue: RunningQueue, request_id: str) -> Page:
    """The page with the footer that the message shows in the end."""
    return queue.answer(request_id).source.render()[-1]


async def test_d8_a_question_deleted_after_words_came_says_so() -> None:
    """Not "before the first word", and without a button that cannot work: the question is forgotten."""
    async with running(ready(1)) as queue:
        asked = await queue.asks(1, "?")
        stream = await queue.scheduler.asked(1)
        stream.begin()
        stream.say("Twenty-six words are here")
        await queue.until_shows(asked, "Twenty-six words")
        await queue.cancellation.withdraw(asked, by=1)
        await queue.until_settled()
        page = last_page(queue, asked)
        assert page.footer == "-# stopped: the question was deleted"
        assert page.controls == ()
        assert await queue.state(asked) is RequestState.CANCELLED


async def test_d8_so_does_one_that_the_scheduler_still_holds() -> None:
    """It keeps its slot until a pipeline takes it, and is shown nothing of that."""
    async with running(ready(1)) as queue:
        asked = await queue.asks(1, "?")
        stream = await queue.scheduler.asked(1)
        await queue.cancellation.withdraw(asked, by=1)
        assert last_page(queue, asked).footer == "-# stopped: the question was deleted"
        assert last_page(queue, asked).controls == ()
        assert queue.in_flight.running == 1
        stream.begin()
        stream.say("too late")
        await queue.until_settled()
        assert "too late" not in queue.answer(asked).text


async def test_d8_so_does_one_that_waits() -> None:
    """Withdrawn with a button, it could be asked again: that is another sentence."""
    async with running(NO_MODEL) as queue:
        deleted, cancelled = await queue.asks(1, "?"), await queue.asks(2, "?")
        await queue.cancellation.withdraw(deleted, by=1)
        await queue.cancellation.stop(cancelled, by=2)
        assert last_page(queue, deleted).footer == "-# stopped: the question was deleted"
        assert last_page(queue, deleted).controls == ()
        assert last_page(queue, cancelled).controls == (Control.RETRY,)


@pytest.mark.parametrize("again", ["deleted", "answer deleted", "stopped"])
async def test_d8_an_end_that_is_heard_of_twice_is_shown_once(again: str) -> None:
    """Who comes second finds nothing to end, and must not close what the first one is still showing."""
    async with running(ready(1)) as queue:
        asked = await queue.asks(1, "?")
        stream = await queue.scheduler.asked(1)
        stream.begin()
        stream.say("some words")
        await queue.until_shows(asked, "some words")
        queue.answer(asked).taken = taken = asyncio.Event()
        first = asyncio.create_task(queue.cancellation.withdraw(asked, by=1))
        await asyncio.sleep(0)
        match again:
            case "deleted":
                await queue.cancellation.withdraw(asked, by=1)
            case "stopped":
                await queue.cancellation.stop(asked, by=1)
            case _:
                queue.cancellation.message_gone(asked)
        await queue.until_settled()
        assert asked in queue.shown.open_now
        taken.set()
        await first
        assert asked not in queue.shown.open_now
        assert last_page(queue, asked).footer == "-# stopped: the question was deleted"


@pytest.mark.parametrize("words", [0, 1200])
async def test_q8_what_was_written_until_then_is_charged(words: int) -> None:
    """The next question of somebody who deletes theirs goes behind another person's, by what was used."""
    async with running(ready(1)) as queue:
        asked = await queue.asks(1, "?")
        stream = await queue.scheduler.asked(1)
        stream.begin()
        for number in range(words):
            stream.say(f"word{number} ")
        if words:
            await queue.until_shows(asked, f"word{words - 1}")
        before = await queue.stored(asked)
        await queue.cancellation.withdraw(asked, by=1)
        await queue.until_settled()
        run_cost = queue.store._rows[asked].charge
        assert run_cost >= before.question.cost / before.question.weight
        assert run_cost >= words


async def test_d8_what_has_ended_is_left_as_it_is() -> None:
    """Answered before the deletion was heard of, or never asked."""
    async with running(ready(1)) as queue:
        asked = await queue.asks(1, "?")
        (await queue.scheduler.asked(1)).end("fine")
        await queue.until_settled()
        for request_id in (asked, "0" * 16):
            await queue.cancellation.withdraw(request_id, by=1)
        assert await queue.state(asked) is RequestState.DELIVERED
        assert "fine" in queue.answer(asked).text


async def test_a_second_press_of_stop_is_too_late() -> None:
    """The first one counts, and who pressed it is named."""
    async with running(ready(1)) as queue:
        asked = await queue.asks(1, "?")
        stream = await queue.scheduler.asked(1)
        stream.begin()
        stream.say("some words")
        await queue.until_shows(asked, "some words")
        run = queue.in_flight.get(asked)
        assert run is not None
        assert await queue.cancellation.stop(asked, by=7)
        run.stop(Stop(StopCause.PERSON, 8))
        assert run.stopped == Stop(StopCause.PERSON, 7)
        await queue.until_shows(asked, "stopped by <@7>")
        await queue.until_settled()
        assert not await queue.cancellation.stop(asked, by=8)
