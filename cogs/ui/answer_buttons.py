"""The buttons under an answer. Their ids carry all they need, so they work after any restart."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Self

import discord
from discord import ui

from bot.discord_io.client import ParallaxBot, Services
from bot.discord_io.command_tree import NOBODY, report
from bot.domain.cluster.audit import AuditEntry
from bot.domain.queue.request import RequestKind, StoredRequest
from bot.i18n.catalogue import say
from bot.markdown.document import render
from bot.presentation.controls import REQUEST_ID
from bot.presentation.page import Control
from bot.services.access.rules import Act
from bot.services.requests.actions import PressedMessage
from cogs.ui.base import RateChecked
from cogs.ui.convert import destination_of, person_of, place_of_interaction, token_expiry

TEXT_LIMIT = 3800

Press = discord.Interaction[Any]
Action = Callable[[Services, str, Press], Awaitable[None]]


async def _stop(services: Services, request_id: str, press: Press) -> None:
    request = await services.controls.stoppable(request_id, person_of(press))
    stop = partial(_end, services, request, press)
    if not request.question.destination.channel_route:
        # Its last form is shown through the press's token, which is good for nothing before the acknowledgement.
        try:
            await press.response.defer()
        finally:
            await stop()
        return
    # Side by side: a slow Discord keeps no pipeline busy, and a slow last edit no press unanswered.
    stopping = asyncio.create_task(stop(), name=f"stop-{request_id}")
    try:
        await press.response.defer()
    finally:
        await stopping


async def _end(services: Services, request: StoredRequest, press: Press) -> None:
    person, asker = person_of(press), request.question.asker.user_id
    ended = await services.controls.stop(request.request_id, person, _pressed(press))
    if ended and person.user_id != asker:
        entry = AuditEntry(press.created_at.timestamp(), person.user_id, "answer.stop", {"asker": f"<@{asker}>"})
        await services.operations.audit.record(entry)


def _pressed(press: Press) -> PressedMessage | None:
    if press.message is None:
        return None
    return PressedMessage(press.message.id, press.token, token_expiry(press))


async def _show(services: Services, request_id: str, press: Press) -> None:
    request = await services.controls.kept(request_id, person_of(press))
    await _send(services, request, press, private=True)
    await services.controls.fetched(request)


async def _send(services: Services, request: StoredRequest, press: Press, *, private: bool) -> None:
    """A stored answer as messages of their own."""
    pages = await services.controls.pages(request)
    await press.response.defer(ephemeral=private, thinking=True)
    for page in pages:
        await press.followup.send(
            view=services.layout(page, request.request_id, press.locale.value),
            files=services.uploads(page.files),
            ephemeral=private,
            allowed_mentions=NOBODY,
        )


async def _again(services: Services, request_id: str, press: Press, kind: RequestKind) -> None:
    origin = await services.controls.repeatable(request_id, person_of(press))
    await services.quotas.check(await services.access.seen(person_of(press)))
    destination = destination_of(press, private=origin.question.destination.private)
    pages = len(origin.message_ids)
    # The press's token reaches the pressed message alone; more pages need the channel route, which private
    # answers do not have: theirs come as a new message.
    if destination.private or (pages != 1 and not destination.channel_route):
        accepted = await services.again.repeat(origin, kind, destination, in_place=False)
        view = services.layout(accepted.page, accepted.request_id, accepted.locale)
        response = await press.response.send_message(
            view=view, ephemeral=destination.private, allowed_mentions=NOBODY
        )
        await services.ask.acknowledged(accepted, response.message_id)
        return
    await press.response.defer()
    await services.again.repeat(origin, kind, destination, in_place=True)


async def _regenerate(services: Services, request_id: str, press: Press) -> None:
    await _again(services, request_id, press, RequestKind.REGENERATE)


async def _continue(services: Services, request_id: str, press: Press) -> None:
    await _again(services, request_id, press, RequestKind.CONTINUE)


async def _turn(services: Services, request_id: str, press: Press, step: int) -> None:
    origin = await services.controls.repeatable(request_id, person_of(press))
    destination = destination_of(press, private=origin.question.destination.private)
    if not destination.channel_route:
        # As in `_again`: where the messages cannot be reached, the other version comes beside them. Their ids are
        # known once the answer has settled.
        version = await services.again.neighbour(origin, step)
        origin = await services.controls.repeatable(request_id, person_of(press))
        if len(origin.message_ids) != 1:
            await _send(services, version, press, private=destination.private)
            return
    await press.response.defer()
    await services.again.turn(origin, step, destination)


async def _previous(services: Services, request_id: str, press: Press) -> None:
    await _turn(services, request_id, press, -1)


async def _next(services: Services, request_id: str, press: Press) -> None:
    await _turn(services, request_id, press, 1)


async def _reasoning(services: Services, request_id: str, press: Press) -> None:
    locale = press.locale.value
    thought = (await services.controls.version(request_id)).reasoning
    pages = render(thought, limit=TEXT_LIMIT) if thought else (say(locale, "reasoning.none"),)
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay(f"-# {say(locale, 'reasoning.title')}\n{pages[0]}"))
    files: list[discord.File] = []
    if len(pages) > 1:
        files = [discord.File(io.BytesIO(thought.encode()), filename="reasoning.md")]
        view.add_item(ui.File("attachment://reasoning.md"))
    view.stop()
    await press.response.send_message(view=view, files=files, ephemeral=True, allowed_mentions=NOBODY)


async def _as_file(services: Services, request_id: str, press: Press) -> None:
    text = (await services.controls.version(request_id)).text
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay(f"-# {say(press.locale.value, 'file.title')}"))
    view.add_item(ui.File("attachment://answer.md"))
    view.stop()
    file = discord.File(io.BytesIO(text.encode()), filename="answer.md")
    await press.response.send_message(view=view, files=[file], ephemeral=True, allowed_mentions=NOBODY)


async def _rate(services: Services, request_id: str, press: Press, *, good: bool) -> None:
    await services.controls.rate(request_id, person_of(press), good=good)
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay(say(press.locale.value, "feedback.good" if good else "feedback.bad")))
    view.stop()
    await press.response.send_message(view=view, ephemeral=True, allowed_mentions=NOBODY)


async def _like(services: Services, request_id: str, press: Press) -> None:
    await _rate(services, request_id, press, good=True)


async def _dislike(services: Services, request_id: str, press: Press) -> None:
    await _rate(services, request_id, press, good=False)


ACTIONS: dict[Control, Action] = {
    Control.STOP: _stop,
    Control.CANCEL: _stop,
    Control.SHOW: _show,
    Control.REGENERATE: _regenerate,
    Control.RETRY: _regenerate,
    Control.CONTINUE: _continue,
    Control.PREVIOUS: _previous,
    Control.NEXT: _next,
    Control.REASONING: _reasoning,
    Control.AS_FILE: _as_file,
    Control.LIKE: _like,
    Control.DISLIKE: _dislike,
}

ACTS: dict[Control, Act | None] = {
    Control.STOP: None,
    Control.CANCEL: None,
    Control.SHOW: None,
    Control.REGENERATE: Act.ASK,
    Control.RETRY: Act.ASK,
    Control.CONTINUE: Act.ASK,
    Control.PREVIOUS: None,
    Control.NEXT: None,
    Control.REASONING: None,
    Control.AS_FILE: None,
    Control.LIKE: Act.RATE,
    Control.DISLIKE: Act.RATE,
}
"""What a press is, besides being the asker's: a question or a rating, which take a right in the place. None: it
ends, shows or turns what is there already, which stays open to those who may no longer ask."""


class AnswerControl(
    RateChecked,
    ui.DynamicItem[ui.Button[Any]],
    template=rf"answer:(?P<action>[a-z]+):(?P<request>{REQUEST_ID})",
):
    """One press of one of our buttons.

    discord.py only logs what a DynamicItem raises and takes an exception in its check for a refusal, so every
    failure is reported here.
    """

    withdrawals = frozenset({Control.STOP.value, Control.CANCEL.value})

    def __init__(self, button: ui.Button[Any], action: str, request_id: str) -> None:
        super().__init__(button)
        self._action = action
        self._request_id = request_id

    @classmethod
    async def from_custom_id(cls, _interaction: Press, item: ui.Item[Any], match: re.Match[str], /) -> Self:
        """The pressed button, from its id."""
        assert isinstance(item, ui.Button)  # noqa: S101  # the template is of buttons
        return cls(item, match["action"], match["request"])

    async def callback(self, interaction: Press) -> None:
        """Do it, or say privately why not."""
        client = interaction.client
        assert isinstance(client, ParallaxBot)  # noqa: S101  # registered by our own cog
        try:
            control, services = Control(self._action), client.services
            act = ACTS[control]
            if act is not None:
                await services.access.require(act, person_of(interaction), place_of_interaction(interaction))
            await ACTIONS[control](services, self._request_id, interaction)
        except Exception as error:  # noqa: BLE001  # the library would only log it: the person is told here
            await report(interaction, error)
