"""The buttons under an answer. Their ids carry all they need, so they work after any restart."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import discord
import structlog
from discord import ui

from bot.discord_io.calls import NOBODY, translated
from bot.discord_io.client import Services
from bot.discord_io.command_tree import tell, text_layout
from bot.domain.queue.request import RequestKind, StoredRequest
from bot.errors import DeliveryError
from bot.i18n.catalogue import say
from bot.presentation.page import REQUEST_ID, Control, Page
from bot.services.access.rules import Act
from bot.services.requests.actions import PressedMessage
from cogs.ui.ask_flow import answer, refused_privately, told_when_slow
from cogs.ui.base import DurableButton, Press, acknowledge, fill_in, reply, with_notice
from cogs.ui.convert import destination_of, person_of, place_of_interaction, token_expiry
from cogs.ui.ending_buttons import questions_to_end
from cogs.ui.help_buttons import call_person, offered_help

log = structlog.get_logger(__name__)

TEXT_LIMIT = 3800

Action = Callable[[Services, str, Press], Awaitable[None]]


async def _stop(services: Services, request_id: str, press: Press) -> None:
    request = await services.actions.permitted(Act.STOP, request_id, person_of(press))
    message = press.message
    pressed = None if message is None else PressedMessage(message.id, press.token, token_expiry(press))
    stop = partial(services.actions.stop, request_id, person_of(press), pressed)
    if not request.question.destination.channel_route:
        # Its last form is shown through the press's token, which Discord accepts only after the acknowledgement.
        try:
            await acknowledge(press)
        finally:
            in_time = await with_notice(press, stop())
        if not in_time:
            await _tell_over(services, request_id, press)
        return
    # At the same time: a slow Discord must not keep a pipeline busy, nor a slow last edit delay the
    # acknowledgement.
    stopping = asyncio.create_task(with_notice(press, stop()), name=f"stop-{request_id}")
    try:
        await acknowledge(press)
    finally:
        in_time = await stopping
    if not in_time:
        await _tell_over(services, request_id, press)


async def _tell_over(services: Services, request_id: str, press: Press) -> None:
    """After a press that came too late: take the button from the pressed message, which the press may change even
    when nothing else reaches it. A list that has the button too is left as it is, and the person told."""
    if press.message is None:
        return
    pages = await services.actions.last_form(request_id, press.message.id)
    if not pages:
        return
    if request_id not in questions_to_end(press.message):
        await tell(press, say(press.locale.value, "error.already_over"))
    elif request_id in questions_to_end(await press.original_response()):
        layout = services.layout(pages[0], request_id, press.locale.value)
        await fill_in(press, layout, files=services.uploads(pages[0].files))
        await _follow_up(services, pages[1:], request_id, press, private=True)
        await services.actions.shown(request_id, press.message.id)


async def _show(services: Services, request_id: str, press: Press) -> None:
    request = await services.actions.kept(request_id, person_of(press))
    await _send(services, request, press, private=True)
    await services.actions.fetched(request)


async def _send(services: Services, request: StoredRequest, press: Press, *, private: bool) -> None:
    """Send a stored answer as new messages."""
    pages = await services.actions.pages(request)
    await acknowledge(press, new=private)
    await _follow_up(services, pages, request.request_id, press, private=private)


async def _follow_up(
    services: Services, pages: Sequence[Page], request_id: str, press: Press, *, private: bool
) -> None:
    for page in pages:
        await press.followup.send(
            view=services.layout(page, request_id, press.locale.value),
            files=services.uploads(page.files),
            ephemeral=private,
            allowed_mentions=NOBODY,
        )


async def _again(services: Services, request_id: str, press: Press, kind: RequestKind) -> None:
    origin = await services.actions.permitted(Act.REPEAT, request_id, person_of(press))
    await services.quotas.check(await services.access.seen(person_of(press)))
    destination = destination_of(press, private=origin.question.destination.private)
    pages = len(origin.message_ids)
    # The press's token reaches the pressed message alone; more pages need the channel route, which private
    # answers do not have: theirs come as a new message.
    if destination.private or (pages != 1 and not destination.channel_route):
        repeating = services.revisions.repeat(origin, kind, destination, in_place=False)
        async with refused_privately(press):
            accepted = await told_when_slow(press, repeating, private=destination.private)
        view = services.layout(accepted.page, accepted.request_id, accepted.locale)
        message_id: int | None = None
        try:
            with translated():
                message_id = await answer(press, view, private=destination.private)
        except DeliveryError as error:
            # It is in the queue already, and is answered where that is possible.
            log.warning("ask.not_acknowledged", request_id=accepted.request_id, error=type(error).__name__)
        await services.ask.acknowledged(accepted, message_id)
        return
    await acknowledge(press)
    await with_notice(press, services.revisions.repeat(origin, kind, destination, in_place=True))


async def _turn(services: Services, request_id: str, press: Press, step: int) -> None:
    origin = await services.actions.permitted(Act.REPEAT, request_id, person_of(press))
    destination = destination_of(press, private=origin.question.destination.private)
    if not destination.channel_route:
        # As in `_again`: where the messages cannot be reached, the other version comes beside them. Their ids are
        # known once the answer has settled.
        version = await services.revisions.neighbour(origin, step)
        origin = await services.actions.permitted(Act.REPEAT, request_id, person_of(press))
        if len(origin.message_ids) != 1:
            await _send(services, version, press, private=destination.private)
            return
    await acknowledge(press)
    await with_notice(press, services.revisions.turn(origin, step, destination))


async def _reasoning(services: Services, request_id: str, press: Press) -> None:
    locale = press.locale.value
    thought, pages = await services.actions.reasoning(
        request_id, person_of(press), channel_id=press.channel_id, limit=TEXT_LIMIT
    )
    shown = pages[0] if pages else say(locale, "reasoning.none")
    view = text_layout(f"-# {say(locale, 'reasoning.title')}\n{shown}")
    files: list[discord.File] = []
    if len(pages) > 1:
        files = [discord.File(io.BytesIO(thought.encode()), filename="reasoning.md")]
        view.add_item(ui.File("attachment://reasoning.md"))
    await reply(press, view, private=True, files=files)


async def _as_file(services: Services, request_id: str, press: Press) -> None:
    version = await services.actions.version(request_id, person_of(press), channel_id=press.channel_id)
    view = text_layout(f"-# {say(press.locale.value, 'file.title')}")
    view.add_item(ui.File("attachment://answer.md"))
    file = discord.File(io.BytesIO(version.text.encode()), filename="answer.md")
    await reply(press, view, private=True, files=[file])


async def _rate(services: Services, request_id: str, press: Press, *, good: bool) -> None:
    rated = await services.actions.rate(request_id, person_of(press), channel_id=press.channel_id, good=good)
    view = text_layout(say(press.locale.value, "feedback.good" if good else "feedback.bad"))
    if not good and (row := await offered_help(services, rated, press)) is not None:
        view.add_item(row)
    await reply(press, view, private=True)


ACTIONS: dict[Control, tuple[Action, Act | None]] = {
    Control.STOP: (_stop, None),
    Control.CANCEL: (_stop, None),
    Control.SHOW: (_show, None),
    Control.REGENERATE: (partial(_again, kind=RequestKind.REGENERATE), Act.ASK),
    Control.RETRY: (partial(_again, kind=RequestKind.REGENERATE), Act.ASK),
    Control.CONTINUE: (partial(_again, kind=RequestKind.CONTINUE), Act.ASK),
    Control.PREVIOUS: (partial(_turn, step=-1), None),
    Control.NEXT: (partial(_turn, step=1), None),
    Control.REASONING: (_reasoning, None),
    Control.AS_FILE: (_as_file, None),
    Control.PERSON: (call_person, Act.CALL),
    Control.LIKE: (partial(_rate, good=True), Act.RATE),
    Control.DISLIKE: (partial(_rate, good=False), Act.RATE),
}
"""What each press does, and the right that it takes besides being the asker's. None: it ends, shows or turns what
is there already, which stays open to those who may no longer ask."""


class AnswerControl(DurableButton, template=rf"answer:(?P<action>[a-z]+):(?P<request>{REQUEST_ID})"):
    """A button under an answer."""

    withdrawals = frozenset({Control.STOP.value, Control.CANCEL.value})

    async def act(self, services: Services, press: Press) -> None:
        """Do what the button says, for people who have the right that it takes."""
        action, right = ACTIONS[Control(self.fields["action"])]
        if right is not None:
            await services.access.require(right, person_of(press), place_of_interaction(press))
        await action(services, self.fields["request"], press)
