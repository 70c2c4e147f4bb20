"""Answers that can only go to a person's direct messages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from bot.clock import SystemClock
from bot.discord_io.messenger import Messenger
from bot.discord_io.outgoing import Outgoing
from bot.errors import AccessLost, DeliveryError
from bot.presentation.page import Page
from bot.telemetry.metrics import Metrics
from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.people import Person
from tests.integration.discord_io.conftest import Wire, logged_in

PAGES = (Page("one"), Page("two", "-# small print"))
FORGOTTEN = 600.0
"""Seconds after which Discord has forgotten every nonce."""


@dataclass(frozen=True)
class Post:
    """A person and the messenger that writes to her."""

    discord: DiscordDouble
    messenger: Messenger
    ada: Person

    async def sent(self, *, request_id: str = "request") -> list[str]:
        """Send the answer; everything that stands in her direct messages."""
        await self.messenger.direct(
            self.ada.id, PAGES, request_id=request_id, locale="en-US", heading="Your answer:"
        )
        return [message.text for message in self.discord.messages(self.ada.dm)]


@pytest.fixture
async def post(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Post]:
    """A Discord double without latency."""
    clock = SystemClock()
    outgoing = Outgoing(clock, Metrics())
    async with (
        DiscordDouble(latency=0.0) as double,
        logged_in(double, monkeypatch, Wire(), clock, outgoing) as client,
    ):
        yield Post(double, Messenger(client, outgoing), double.person("ada"))


async def test_an_answer_is_sent_once(post: Post) -> None:
    """Two processes, the first killed before it committed, send each page once together."""
    whole = ["Your answer:", "one", "two\n-# small print"]
    assert await post.sent() == whole
    post.discord.clock.advance(FORGOTTEN)
    assert await post.sent() == whole
    assert await post.sent(request_id="another") == whole * 2


async def test_what_is_missing_of_an_answer_is_sent(post: Post) -> None:
    """An earlier process had sent the first page."""
    post.discord.faults.next("POST", "/channels/*/messages", 50035, skip=2)
    with pytest.raises(DeliveryError):
        await post.sent()
    post.discord.clock.advance(FORGOTTEN)
    assert await post.sent() == ["Your answer:", "one", "two\n-# small print"]


async def test_who_takes_no_direct_messages_gets_none(post: Post) -> None:
    """The sender gets an error, so that the answer is kept."""
    post.ada.user.dm_open = False
    with pytest.raises(AccessLost):
        await post.sent()
    assert post.discord.messages(post.ada.dm) == []
