"""How an answer is kept up to date, in virtual time: back-offs of a minute and windows of seconds cost nothing."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

import pytest

from bot.discord_io.delivery.answer import AnswerDelivery
from tests.fakes.clocks import LoopClock
from tests.fakes.loops import VirtualTimeLoop
from tests.fakes.surfaces import PacedChannel, PacedRoutes, Saying


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], AbstractEventLoop]]:
    """One loop, so no test's name changes."""
    return {"virtual time": VirtualTimeLoop}


@dataclass(eq=False)
class Attempts:
    """One answer on its way: where it is shown, what it says, and the ids that were told."""

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
        destination, source = PacedRoutes(self.channel, token_lives=token_lives), Saying()
        sent: list[tuple[int, int | None]] = []
        delivery = AnswerDelivery(
            destination,
            source,
            clock=LoopClock(),
            request_id=f"request-{len(self.answers)}",
            on_sent=lambda page, message_id: sent.append((page, message_id)),
            on_gone=lambda: None,
        )
        first = destination.original_response = self.channel.new_message(source.pages[0].body)
        delivery.acknowledged(first, source.pages[0])
        self.answers.append(Attempts(destination, source, delivery, first, sent))
        return self.answers[-1]


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    """A channel nobody has asked in; its answers are closed at the end."""
    opened = Room()
    yield opened
    for answer in opened.answers:
        await answer.delivery.aclose()
