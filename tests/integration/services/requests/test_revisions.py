"""Regenerating through a press, whose token edits only the pressed message."""

from __future__ import annotations

import pytest

from bot.domain.chat import FinishReason
from bot.domain.queue.request import Destination, RequestKind
from bot.services.requests.revisions import Revisions
from tests.fakes.clocks import FastClock
from tests.fakes.schedulers import ready
from tests.integration.services.process import LIMITS, RunningQueue, running

PRESS = Destination(9, 71, 8, private=False, channel_route=True, token="of the press", token_expires_at=1e12)


def again(queue: RunningQueue) -> Revisions:
    """The service over the parts of this queue."""
    parts = queue.parts
    return Revisions(
        queue.store,
        parts.live_answers,
        parts.gate,
        parts.positions,
        parts.signal,
        parts.views,
        FastClock(20.0),
        LIMITS,
    )


@pytest.mark.parametrize(("messages", "token"), [(1, "of the press"), (3, None)])
@pytest.mark.parametrize("kind", [RequestKind.REGENERATE, RequestKind.CONTINUE])
async def test_several_messages_are_reached_without_the_token_of_the_press(
    messages: int, token: str | None, kind: RequestKind
) -> None:
    """Also when the press came before the ids of all of them were known."""
    async with running(ready(1)) as queue:
        request_id = await queue.asks(1, "A long one?")
        (await queue.scheduler.asked(1)).end("Half of it", FinishReason.LENGTH)
        await queue.until_shows(request_id, "length limit")
        await queue.until_settled()
        pressed = await queue.stored(request_id)
        assert len(pressed.message_ids) == 1
        for page in range(1, messages):
            await queue.store.attach_message(request_id, page, 2000 + page)

        accepted = await again(queue).repeat(pressed, kind, PRESS, in_place=True)

        stored = await queue.stored(accepted.request_id)
        assert len(stored.message_ids) == messages
        assert stored.question.destination.token == token
