"""What a message shows that still offers to end a question, once somebody presses the button after the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.domain.queue.request import RequestState
from bot.presentation.page import Control
from bot.services.access.operators import Operators, Person
from bot.services.requests.actions import AnswerActions
from tests.fakes.audit import MemoryAudit
from tests.fakes.questions import answer
from tests.fakes.schedulers import NO_MODEL
from tests.integration.services.process import RunningQueue, running
from tests.integration.services.requests.test_operators import NoThumbs

STRAY = 9999


@pytest.fixture
async def queue() -> AsyncIterator[RunningQueue]:
    """A process whose cluster answers nothing."""
    async with running(NO_MODEL) as opened:
        yield opened


def actions(queue: RunningQueue) -> AnswerActions:
    """The buttons of this process."""
    operators = Operators(user_ids=(), role_ids=(), guild_ids=())
    parts = (queue.store, queue.live_answers, queue.cancellation, queue.parts.views, operators)
    return AnswerActions(*parts, NoThumbs(), MemoryAudit(), queue.clock)


async def answered(queue: RunningQueue, text: str) -> str:
    """A question whose answer could not be shown; its request id."""
    asked = await queue.asks(1, "Why?")
    taken = await queue.store.claim("this process", now=queue.clock.now, lease=1e9)
    assert taken is not None
    await queue.store.mark_answered(asked, "this process", answer(text), now=queue.clock.now())
    await queue.live_answers.close(asked)
    return asked


async def test_an_open_question_is_left_to_its_own_messages(queue: RunningQueue) -> None:
    """So is one that is being brought to its last form."""
    asked = await queue.asks(1, "Why?")
    (message_id,) = (await queue.stored(asked)).message_ids
    assert await actions(queue).last_form(asked, message_id) == ()
    await queue.live_answers.close(asked)
    assert await actions(queue).last_form(asked, message_id) == ()
    assert await actions(queue).last_form("0" * 16, message_id) == ()


async def test_who_presses_while_the_end_is_shown_sees_it_a_moment_later(queue: RunningQueue) -> None:
    """What shows it may be about to give up: then nothing else would take the button away."""
    asked = await queue.asks(1, "Why?")
    request = await queue.stored(asked)
    await queue.cancellation.stop(asked, by=1)
    queue.live_answers.reopen(request)
    form = asyncio.create_task(actions(queue).last_form(asked, request.message_ids[0]))
    assert await asyncio.wait({form}, timeout=0.2) == (set(), {form})
    await queue.live_answers.close(asked)
    (page,) = await form
    assert (page.footer, page.controls) == ("-# cancelled", (Control.RETRY,))


async def test_without_an_answer_it_says_how_the_question_ended(queue: RunningQueue) -> None:
    """Its own message offers to ask again; another one offers nothing."""
    asked = await queue.asks(1, "Why?")
    (message_id,) = (await queue.stored(asked)).message_ids
    assert await actions(queue).stop(asked, Person(1, 8), None)
    (own,) = await actions(queue).last_form(asked, message_id)
    assert (own.body, own.footer, own.controls) == ("> Why?", "-# cancelled", (Control.RETRY,))
    (stray,) = await actions(queue).last_form(asked, STRAY)
    assert (stray.footer, stray.controls) == ("-# cancelled", ())


async def test_an_answer_is_shown_in_its_own_message(queue: RunningQueue) -> None:
    """And counts as shown then."""
    asked = await answered(queue, "Because.")
    (message_id,) = (await queue.stored(asked)).message_ids
    (page,) = await actions(queue).last_form(asked, message_id)
    assert "Because." in page.body
    assert Control.REGENERATE in page.controls
    await actions(queue).shown(asked, STRAY)
    assert await queue.state(asked) is RequestState.ANSWERED
    await actions(queue).shown(asked, message_id)
    assert await queue.state(asked) is RequestState.DELIVERED


async def test_any_other_message_says_that_it_is_elsewhere(queue: RunningQueue) -> None:
    """Two messages with the same answer would offer everything twice."""
    asked = await answered(queue, "Because.")
    (page,) = await actions(queue).last_form(asked, STRAY)
    assert (page.body, page.footer, page.controls) == ("> Why?", "-# answered in another message", ())


async def test_of_a_long_answer_each_message_shows_its_part(queue: RunningQueue) -> None:
    """One too many shows where the answer is."""
    asked = await answered(queue, "Words in a row. " * 400)
    (first,) = (await queue.stored(asked)).message_ids
    for page, message_id in enumerate((first, 12, 13, 14)):
        await queue.store.attach_message(asked, page, message_id)
    forms = [await actions(queue).last_form(asked, message_id) for message_id in (first, 12, 13, 14)]
    assert all(len(form) == 1 for form in forms)
    assert ["Words" in form[0].body for form in forms] == [True, True, False, False]
    assert forms[3][0].footer == "-# answered in another message"
