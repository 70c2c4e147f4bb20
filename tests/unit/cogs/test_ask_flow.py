"""Acknowledgements that do not reach Discord after the question was taken."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import discord
import pytest

from bot.discord_io.client import Services
from bot.discord_io.command_tree import text_layout
from bot.domain.conversation.attached_text import Doubt
from bot.domain.conversation.profile import Profile
from bot.errors import HeldBack
from bot.presentation.page import Page
from bot.services.access.operators import Person
from bot.services.requests.ask import Accepted, AskRequest
from bot.telemetry.metrics import Metrics
from cogs.ui.ask_flow import UNKNOWN_INTERACTION, Asking
from cogs.ui.ask_flow import _tell_doubts as tell_doubts
from tests.fakes.refusals import refusal

ACCEPTED = Accepted("0" * 16, Page("thinking"), "en-US")


@dataclass
class Asked:
    """A service that takes every question and records what it is told of the acknowledgement."""

    told: list[object] = field(default_factory=list)
    accepts: Accepted | None = ACCEPTED

    async def submit(self, request: AskRequest) -> Accepted | None:
        """Take the question."""
        return self.accepts

    async def check(self, request: AskRequest) -> None:
        """Allow it."""

    async def acknowledged(self, accepted: Accepted, message_id: int | None) -> None:
        """Record the id of the message."""
        self.told.append(message_id)

    def refused(self, accepted: Accepted) -> None:
        """Record that there is none."""
        self.told.append("refused")


def asking(ask: Asked) -> Asking:
    """The flow, over this service and fakes of the others."""

    async def seen(person: Person) -> Person:
        return person

    async def remembered(_scope_ids: object) -> Profile:
        return Profile(persona="", context_tokens=6000, answer_tokens=2000)

    services = SimpleNamespace(
        ask=ask,
        access=SimpleNamespace(seen=seen),
        profiles=SimpleNamespace(remembered=remembered),
        operators=SimpleNamespace(weight_of=lambda _person: 1.0),
        layout=lambda *_: text_layout("thinking"),
        metrics=Metrics(),
    )
    return Asking(cast("Services", services), 9)


def interaction(failure: Exception) -> discord.Interaction[Any]:
    """A command in a direct message whose acknowledgement fails with this error."""

    async def send_message(**_: object) -> None:
        raise failure

    return cast(
        "discord.Interaction[Any]",
        SimpleNamespace(
            id=1,
            extras={},
            message=None,
            user=SimpleNamespace(id=1, display_name="Ada"),
            guild=None,
            guild_id=None,
            channel=None,
            channel_id=71,
            locale=discord.Locale.american_english,
            context=SimpleNamespace(dm_channel=True, private_channel=False),
            app_permissions=discord.Permissions.none(),
            application_id=9,
            token="token",
            created_at=dt.datetime.now(dt.UTC),
            response=SimpleNamespace(send_message=send_message, is_done=lambda: False),
        ),
    )


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (refusal(404, UNKNOWN_INTERACTION), "refused"),
        (refusal(500, 0), None),
        (HeldBack("closed"), None),
        (aiohttp.ServerDisconnectedError(), None),
        (TimeoutError(), None),
    ],
    ids=repr,
)
async def test_it_is_answered_in_a_message_of_its_own(failure: Exception, told: object) -> None:
    """The question is in the queue already, so its answer must not wait for the acknowledgement."""
    ask = Asked()
    await asking(ask).by_interaction(interaction(failure), "Why?")
    assert ask.told == [told]


async def test_a_question_that_another_process_took_is_answered_there() -> None:
    """During a rolling restart two processes hear it: this one says nothing."""
    ask = Asked(accepts=None)
    await asking(ask).by_interaction(interaction(AssertionError("nothing is to be sent")), "Why?")
    assert ask.told == []


class Closed(discord.TextChannel):
    """A channel in which nobody may open threads."""

    def __init__(self) -> None:
        """Without a state of the library."""

    def get_partial_message(self, message_id: int, /) -> Any:
        """A message that takes no thread."""

        async def create_thread(**_: object) -> None:
            raise refusal(403, 50013)

        return SimpleNamespace(id=message_id, create_thread=create_thread)


async def test_without_a_thread_the_answer_comes_where_it_was_asked() -> None:
    """In the message that would have begun the thread."""
    shown: list[str] = []
    pressed = interaction(AssertionError("replaced below"))
    answers = SimpleNamespace(done=False)

    async def send_message(*, view: discord.ui.LayoutView, **_: object) -> SimpleNamespace:
        answers.done = True
        shown.append("question")
        return SimpleNamespace(message_id=5)

    async def edit_original_response(**_: object) -> SimpleNamespace:
        shown.append("answer")
        return SimpleNamespace(id=5)

    pressed.response = SimpleNamespace(send_message=send_message, is_done=lambda: answers.done)  # type: ignore[assignment, misc]  # stands for Discord's side
    pressed.edit_original_response = edit_original_response  # type: ignore[method-assign, assignment]  # as above
    pressed.channel = Closed()
    pressed.is_guild_integration = lambda: True  # type: ignore[method-assign]  # as above
    pressed.app_permissions = discord.Permissions.all()  # type: ignore[misc]  # as above
    ask = Asked()
    await asking(ask).by_interaction(pressed, "Why?", thread=True)
    assert shown == ["question", "answer"]
    assert ask.told == [5]


async def test_what_is_doubtful_about_a_file_is_told_if_it_can_be() -> None:
    """The question is in the queue already, so a refusal is only logged."""
    told: list[str] = []

    async def tell(sentence: str) -> None:
        told.append(sentence)

    async def refused(sentence: str) -> None:
        raise refusal(403, 50013)

    await tell_doubts([Doubt("plain.txt", "", 0)], "en", tell)
    assert told == []
    doubts = [Doubt("old.txt", "Shift JIS", 2)]
    await tell_doubts(doubts, "en", tell)
    await tell_doubts(doubts, "en", refused)
    (sentence,) = told
    assert "Shift JIS" in sentence
    assert len(sentence.splitlines()) == 2
