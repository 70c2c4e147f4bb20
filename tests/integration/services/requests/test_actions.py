"""What the buttons under an answer do for whom, over the queue as it is stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pytest

from bot.domain.chat import FinishReason
from bot.domain.queue.request import RequestState
from bot.errors import DeliveryError, TokenExpired, UserError
from bot.services.access.operators import Operators, Person
from bot.services.requests.actions import AnswerActions, PressedMessage
from tests.fakes.audit import MemoryAudit
from tests.fakes.clocks import FastClock
from tests.fakes.schedulers import NO_MODEL, ready
from tests.integration.services.process import RunningQueue, running

ASKER, OPERATOR = Person(1, 8), Person(99, 8)
FIRST_MESSAGE = 1001


def press(message_id: int = FIRST_MESSAGE) -> PressedMessage:
    """A press on this message, whose token lives for long."""
    return PressedMessage(message_id, "of the press", 1e12)


@dataclass(eq=False)
class Thumbs:
    """A :class:`bot.services.ports.Feedback` in memory."""

    given: list[tuple[str, int, int]] = field(default_factory=list)

    async def give(self, request_id: str, user_id: int, value: Literal[-1, 1], *, now: float) -> None:
        """Keep the thumb."""
        self.given.append((request_id, user_id, value))


def acting(
    queue: RunningQueue, *, thumbs: Thumbs | None = None, audit: MemoryAudit | None = None
) -> AnswerActions:
    """The service over the parts of this queue."""
    parts = queue.parts
    return AnswerActions(
        queue.store,
        parts.live_answers,
        queue.cancellation,
        parts.views,
        Operators(user_ids=[OPERATOR.user_id], role_ids=(), guild_ids=()),
        thumbs or Thumbs(),
        audit or MemoryAudit(),
        FastClock(20.0),
    )


async def answered(queue: RunningQueue, text: str = "fine") -> str:
    """A question of the asker's that is answered and shown."""
    asked = await queue.asks(ASKER.user_id, "?")
    (await queue.scheduler.asked(1)).end(text)
    await queue.until_settled()
    return asked


async def test_a_question_that_is_not_kept_any_more_is_said_to_be_unknown() -> None:
    """Its buttons may be years old."""
    async with running(ready(1)) as queue:
        with pytest.raises(UserError) as refused:
            await acting(queue).request("0" * 16)
    assert refused.value.key == "error.request_unknown"


@pytest.mark.parametrize("is_open", [True, False])
async def test_a_private_question_is_withdrawn_through_the_token_of_the_press(is_open: bool) -> None:
    """The first token has expired, so nothing else could edit the message; also when it was not shown since the
    bot's start."""
    async with running(NO_MODEL) as queue:
        asked = await queue.asks(ASKER.user_id, "?", private=True)
        if not is_open:
            await queue.live_answers.close(asked)
        queue.answer(asked).error = TokenExpired("50027")
        assert await acting(queue).stop(asked, ASKER, press())
        assert queue.answer(asked).finished == 1
        assert "<@1>" in queue.answer(asked).text
        assert await queue.state(asked) is RequestState.CANCELLED
        assert not await acting(queue).stop(asked, ASKER, press()), "it has ended"


async def test_the_token_of_a_press_is_not_used_for_several_messages() -> None:
    """It edits the pressed one alone. The question is withdrawn all the same."""
    async with running(NO_MODEL) as queue:
        asked = await queue.asks(ASKER.user_id, "?", private=True)
        await queue.store.attach_message(asked, 1, 2002)
        queue.answer(asked).error = TokenExpired("50027")
        assert await acting(queue).stop(asked, ASKER, press())
        assert queue.answer(asked).finished == 0
        assert await queue.state(asked) is RequestState.CANCELLED


async def test_an_operator_who_stops_somebody_elses_answer_is_noted() -> None:
    """Who stops their own is not."""
    audit = MemoryAudit()
    async with running(NO_MODEL) as queue:
        mine, theirs = await queue.asks(ASKER.user_id, "?"), await queue.asks(2, "?")
        assert await acting(queue, audit=audit).stop(mine, ASKER, None)
        assert await acting(queue, audit=audit).stop(theirs, OPERATOR, None)
    assert audit.noted == [(OPERATOR.user_id, "answer.stop", {"asker": "<@2>"})]


async def test_what_has_no_answer_cannot_be_fetched_read_or_rated() -> None:
    """It was withdrawn before a word came."""
    thumbs = Thumbs()
    async with running(NO_MODEL) as queue:
        asked = await queue.asks(ASKER.user_id, "?")
        actions = acting(queue, thumbs=thumbs)
        assert await actions.stop(asked, ASKER, None)
        for act in (
            actions.kept(asked, ASKER),
            actions.version(asked, ASKER, channel_id=71),
            actions.rate(asked, ASKER, channel_id=71, good=True),
        ):
            with pytest.raises(UserError) as refused:
                await act
            assert refused.value.key == "error.request_unknown"
    assert thumbs.given == []


async def test_a_kept_answer_is_fetched_once() -> None:
    """It is marked as shown when its asker has it, and a second fetch changes nothing."""
    async with running(ready(1)) as queue:
        asked = await queue.asks(ASKER.user_id, "?")
        queue.answer(asked).error = DeliveryError("Discord is down")
        (await queue.scheduler.asked(1)).end("fine")
        await queue.until_settled()
        assert await queue.state(asked) is RequestState.ANSWERED
        actions = acting(queue)
        for _ in range(2):
            kept = await actions.kept(asked, ASKER)
            (page,) = await actions.pages(kept)
            assert "fine" in page.body
            await actions.fetched(kept)
            assert await queue.state(asked) is RequestState.DELIVERED


async def test_thumbs_are_for_the_version_that_is_shown() -> None:
    """A version's first part and its continuation are one answer."""
    thumbs = Thumbs()
    async with running(ready(1)) as queue:
        asked = await answered(queue)
        actions = acting(queue, thumbs=thumbs)
        await actions.rate(asked, ASKER, channel_id=71, good=True)
        await actions.rate(asked, Person(2, 8), channel_id=71, good=False)
    assert thumbs.given == [(asked, 1, 1), (asked, 2, -1)]


async def test_an_answer_is_found_by_its_message_before_the_id_is_stored() -> None:
    """People react to what they see, which may be sooner than the disk."""
    async with running(NO_MODEL) as queue:
        asked = await queue.asks(ASKER.user_id, "?")
        actions = acting(queue)
        assert await actions.shown_in(5) is None
        queue.answer(asked).learned([FIRST_MESSAGE, 5])
        found = await actions.shown_in(5)
        assert found is not None
        assert found.request_id == asked


async def test_thoughts_are_pages_of_their_own() -> None:
    """Without any there are none."""
    async with running(ready(1)) as queue:
        asked = await queue.asks(ASKER.user_id, "?")
        (await queue.scheduler.asked(1)).end("fine", FinishReason.STOP)
        await queue.until_settled()
        assert await acting(queue).reasoning(asked, ASKER, channel_id=71, limit=500) == ("", ())
