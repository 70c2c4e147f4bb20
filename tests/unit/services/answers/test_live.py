"""The answers that a process shows: opened once, found by their messages, settled at its end."""

from __future__ import annotations

import asyncio

from bot.domain.queue.request import StoredRequest
from bot.errors import DeliveryError
from bot.services.answers.live import LiveAnswers, MessageAttached
from bot.tasks.background import Background
from tests.fakes.clocks import HandClock
from tests.fakes.deliveries import ShownAnswers
from tests.fakes.questions import WIDE, question
from tests.fakes.requests import MemoryRequests


class Room:
    """A process that shows answers, over a store."""

    def __init__(self) -> None:
        self.store, self.shown = MemoryRequests(), ShownAnswers()
        self.live = LiveAnswers(self.shown, self.store, Background(), HandClock(), max_pages=5)

    async def asked(self, request_id: str, user: int = 1) -> StoredRequest:
        """A question that waits."""
        return await self.store.enqueue(question(request_id, user=user, at=100_000.0), WIDE)

    async def messages(self, request_id: str) -> tuple[int, ...]:
        """The stored ids of its messages."""
        stored = await self.store.get(request_id)
        assert stored is not None
        return stored.message_ids


async def test_an_answer_is_opened_once() -> None:
    """However many parts of the bot want to show something of it."""
    room = Room()
    stored = await room.asked("q")
    opened = room.live.open(stored.question)
    assert room.live.open(stored.question) is room.live.reopen(stored) is opened
    assert room.live.all() == (opened,)
    await room.live.close("q")
    await room.live.close("q")
    assert opened.closed.is_set()
    assert room.live.reopen(stored) is not opened


async def test_a_first_message_is_stored_also_when_its_answer_is_closed() -> None:
    """The answer ended while the acknowledgement was under way: a later start must find its message."""
    room = Room()
    await room.asked("q")
    await room.live.acknowledged("q", 11, None)
    assert await room.messages("q") == (11,)
    assert room.live.events.get_nowait() == MessageAttached("q", 11)


async def test_a_first_message_without_an_id_is_not_stored() -> None:
    """Discord did not tell it; that there is one is told to the delivery all the same."""
    room = Room()
    live = room.live.open((await room.asked("q")).question)
    await room.live.acknowledged("q", None, None)
    assert await room.messages("q") == ()
    assert live.delivery.message_ids == (None,)
    assert room.live.showing(11) is None


async def test_a_refusal_of_what_is_not_open_is_nothing() -> None:
    """The question ended before Discord refused its message."""
    room = Room()
    room.live.refused("q")
    live = room.live.open((await room.asked("q")).question)
    room.live.refused("q")
    assert room.live.get("q") is live


async def test_at_the_end_each_waiting_question_is_shown_as_far_as_discord_answers() -> None:
    """A refusal is one line in the log, and one that hangs is not waited for."""
    room = Room()
    await room.live.settled(60.0)
    for number, request_id in enumerate(("fine", "refused", "hanging")):
        room.live.open((await room.asked(request_id, user=number)).question).show_position(1, None)
    room.shown.answers["refused"].error = DeliveryError("Discord is down")
    room.shown.answers["hanging"].taken = asyncio.Event()
    await room.live.settled(0.01)
    assert {one: answer.finished for one, answer in room.shown.answers.items()} == {
        "fine": 1, "refused": 0, "hanging": 0
    }  # fmt: skip
