"""Presses under an answer whose calls to Discord fail."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import aiohttp
import discord
import pytest

from bot.discord_io.client import Services
from bot.discord_io.command_tree import text_layout
from bot.domain.queue.request import Destination, RequestKind
from bot.presentation.page import Page
from bot.services.requests.ask import Accepted
from cogs.ui import answer_buttons
from cogs.ui.base import Press
from tests.fakes.refusals import refusal

ACCEPTED = Accepted("0" * 16, Page("thinking"), "en-US")
PRIVATE = Destination(9, 71, 8, private=True, channel_route=False)


@dataclass
class Told:
    """What the services were told of the message that acknowledges a question."""

    messages: list[int | None] = field(default_factory=list)

    async def acknowledged(self, accepted: Accepted, message_id: int | None) -> None:
        """Record the id of the message."""
        self.messages.append(message_id)


@pytest.mark.parametrize("failure", [refusal(503, 0), aiohttp.ServerDisconnectedError()], ids=repr)
async def test_a_private_repetition_is_answered_although_its_message_failed(
    monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    """It is in the queue: nobody would wait for an acknowledgement that never comes."""
    told = Told()

    async def origin(*_: object) -> SimpleNamespace:
        return SimpleNamespace(question=SimpleNamespace(destination=PRIVATE), message_ids=(5,))

    async def accepted(*_: object, **__: object) -> Accepted:
        return ACCEPTED

    async def nothing(*_: object) -> None: ...

    async def fails(*_: object, **__: object) -> int:
        raise failure

    services = SimpleNamespace(
        actions=SimpleNamespace(permitted=origin),
        quotas=SimpleNamespace(check=nothing),
        access=SimpleNamespace(seen=nothing),
        revisions=SimpleNamespace(repeat=accepted),
        layout=lambda *_: text_layout("thinking"),
        ask=told,
    )
    press = SimpleNamespace(
        extras={},
        response=SimpleNamespace(is_done=lambda: False),
        locale=discord.Locale.american_english,
    )
    monkeypatch.setattr(answer_buttons, "person_of", lambda _press: None)
    monkeypatch.setattr(answer_buttons, "destination_of", lambda _press, **_: PRIVATE)
    monkeypatch.setattr(answer_buttons, "answer", fails)
    await answer_buttons._again(
        cast("Services", services), ACCEPTED.request_id, cast("Press", press), RequestKind.REGENERATE
    )
    assert told.messages == [None]
