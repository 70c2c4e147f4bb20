"""The buttons of help channels: calling a person, and wanting no automatic answers."""

from __future__ import annotations

import discord
from discord import ui

from bot.discord_io.client import Services
from bot.discord_io.command_tree import text_layout
from bot.domain.queue.request import StoredRequest
from bot.i18n.catalogue import say
from bot.presentation.page import Control, control_id
from bot.services.access.rules import Act
from cogs.ui.base import DurableButton, Press, acknowledge, fill_in
from cogs.ui.convert import person_of

OUT, IN = "out", "in"


async def call_person(services: Services, request_id: str, press: Press) -> None:
    """Ping the role that helps in this thread, or say who has done so already."""
    rights = press.permissions
    writer = rights.send_messages_in_threads if isinstance(press.channel, discord.Thread) else rights.send_messages
    request = await services.actions.permitted(
        Act.CALL, request_id, person_of(press), channel_id=press.channel_id, writer=writer
    )
    await acknowledge(press, new=True)
    earlier = await services.help.call(request, by=press.user.id)
    locale = press.locale.value
    if earlier is None:
        sentence = say(locale, "help.called")
    elif earlier.called_by:
        sentence = say(
            locale, "help.called_by", person=f"<@{earlier.called_by}>", at=f"<t:{earlier.called_at:.0f}:R>"
        )
    else:
        sentence = say(locale, "help.called_before", at=f"<t:{earlier.called_at:.0f}:R>")
    await fill_in(press, text_layout(sentence))


async def offered_help(
    services: Services, request: StoredRequest, press: Press
) -> ui.ActionRow[ui.LayoutView] | None:
    """The buttons for somebody who was not helped by the answer to a post of theirs: to call a person, and to get
    no automatic answers any more. None for anybody else. Raises :class:`StorageError`."""
    question = request.question
    if press.user.id != question.asker.user_id or not await services.help.opened_by(
        question.destination.channel_id, press.user.id
    ):
        return None
    locale = press.locale.value
    row: ui.ActionRow[ui.LayoutView] = ui.ActionRow()
    if question.options is not None and question.options.helper_role is not None:
        label = say(locale, f"control.{Control.PERSON.value}")
        row.add_item(ui.Button(label=label, custom_id=control_id(Control.PERSON, request.request_id)))
    out = await services.help.is_opted_out(press.user.id)
    return row.add_item(_choice(IN if out else OUT, locale))


def _choice(action: str, locale: str) -> ui.Button[ui.LayoutView]:
    return ui.Button(label=say(locale, f"help.opt_{action}")[:80], custom_id=f"help:{action}")


class HelpChoice(DurableButton, template=r"help:(?P<action>out|in)"):
    """A button by which somebody chooses for themselves whether their posts are answered."""

    async def act(self, services: Services, press: Press) -> None:
        """Store the choice, and offer to take it back."""
        await acknowledge(press, new=True)
        out = self.fields["action"] == OUT
        await services.help.opt_out(press.user.id, out=out)
        locale = press.locale.value
        view = text_layout(say(locale, "help.opted_out" if out else "help.opted_in"))
        view.add_item(ui.ActionRow(_choice(IN if out else OUT, locale)))
        await fill_in(press, view)
