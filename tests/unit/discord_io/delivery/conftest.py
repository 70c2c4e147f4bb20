"""How an answer is kept up to date, in virtual time: back-offs of a minute and windows of seconds cost nothing."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

import pytest

from bot.discord_io.delivery.answer import AnswerDelivery
from tests.fakes.channels import PacedChannel, PacedRoutes, Saying
from tests.fakes.clocks import LoopClock
from tests.fakes.loops import VirtualTimeLoop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], AbstractEventLoop]]:
    """One loop, so no test's name changes."""
    return {"virtual time": VirtualTimeLoop}


@dataclass(eq=False)
class Attempts:
    """One answer being delivered: where it is shown, what it says, and the ids that were reported."""

    destination: PacedRoutes
    source: Saying
    delivery: AnswerDelivery
    first: int
    sent: list[tuple[int, int | None]]

    def say(self, *bodies: str) -> None:
        """Something newer is to be shown."""
        self.source.say(*bodies)
        self.delivery.changed()


@dataclass(eq=False)
class Room:
    """A channel with answers in it."""

    channel: PacedChannel = field(default_factory=PacedChannel)
    answers: list[Attempts] = field(default_factory=list)

    def attempts(self, *, token_lives: float = 900.0) -> Attempts:
        """An answer whose question has been acknowledged."""
        answer = self.opened(token_lives=token_lives)
        answer.first = answer.destination.original_response = self.channel.new_message(answer.source.pages[0].body)
        answer.delivery.acknowledged(answer.first, answer.source.pages[0])
        return answer

    def opened(
        self, *message_ids: int, token_lives: float = 900.0, may_be_more: bool = False, original: int | None = None
    ) -> Attempts:
        """An answer whose question has not been acknowledged, or one that an earlier process had in these
        messages. ``original`` is the message that its token names."""
        destination, source = PacedRoutes(self.channel, token_lives=token_lives), Saying()
        destination.original_response = original
        sent: list[tuple[int, int | None]] = []
        delivery = AnswerDelivery(
            destination,
            source,
            clock=LoopClock(),
            request_id=f"request-{len(self.answers)}",
            message_ids=message_ids,
            may_be_more=may_be_more,
            on_sent=lambda page, message_id: sent.append((page, message_id)),
            on_gone=lambda: None,
        )
        self.answers.append(Attempts(destination, source, delivery, 0, sent))
        return self.answers[-1]


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    """A channel nobody has asked in; its answers are closed at the end."""
    opened = Room()
    yield opened
    for answer in opened.answers:
        await answer.delivery.aclose()
