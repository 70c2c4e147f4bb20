"""Cards in channels, and alerts as lines of text."""

from __future__ import annotations

from collections.abc import Sequence

import discord
from discord import ui

from bot.discord_io.calls import NOBODY, translated
from bot.discord_io.outgoing import Outgoing
from bot.domain.discord_calls.priority import CallPriority
from bot.presentation.status import Card, CardButton


def card_layout(card: Card, area: str = "cluster") -> ui.LayoutView:
    """A card as a Components V2 layout whose buttons have the ids ``<area>:<action>``; cogs answer them."""
    view = ui.LayoutView(timeout=None)
    box: ui.Container[ui.LayoutView] = ui.Container(accent_colour=card.accent.value)
    for index, section in enumerate(card.sections):
        if index == 2:
            box.add_item(ui.Separator())
        box.add_item(ui.TextDisplay(f"{section}\n{card.stamp}" if index == 0 and card.stamp else section))
    view.add_item(box)
    buttons = [_button(button, card, area) for button in card.buttons]
    if buttons:
        view.add_item(ui.ActionRow(*buttons))
    view.stop()
    return view


def _button(button: CardButton, card: Card, area: str) -> ui.Button[ui.LayoutView]:
    if button.url:
        return ui.Button(label=button.label, url=button.url)
    # Highlighted but still enabled: a restart of the bot ends the live state without a change of the card.
    lit = button.action == "live" and card.live
    style = discord.ButtonStyle.success if lit else discord.ButtonStyle.secondary
    return ui.Button(label=button.label, custom_id=f"{area}:{button.action}", style=style)


class ChannelCards:
    """Sends and edits cards through the bot's own route. Raises only :class:`DeliveryError`."""

    def __init__(self, client: discord.Client, outgoing: Outgoing) -> None:
        self._client = client
        self._outgoing = outgoing

    async def post(self, channel_id: int, card: Card) -> int:
        """Send a card; returns the message's id."""
        channel = self._client.get_partial_messageable(channel_id)
        with translated():
            async with self._outgoing.turn(CallPriority.OTHER):
                message = await channel.send(view=card_layout(card), allowed_mentions=NOBODY)
        return message.id

    async def edit(self, channel_id: int, message_id: int, card: Card) -> None:
        """Replace a card. Raises :class:`MessageGone` when somebody deleted the message."""
        message = self._client.get_partial_messageable(channel_id).get_partial_message(message_id)
        with translated():
            async with self._outgoing.turn(CallPriority.OTHER):
                await message.edit(view=card_layout(card), allowed_mentions=NOBODY)

    async def tell(
        self, channel_id: int, text: str, *, role_id: int | None = None, user_ids: Sequence[int] = ()
    ) -> None:
        """Send lines of text to operators; ping this role and these people and nobody else."""
        channel = self._client.get_partial_messageable(channel_id)
        ping = "" if role_id is None else f" · <@&{role_id}>"
        mentions = discord.AllowedMentions(
            everyone=False,
            roles=[] if role_id is None else [discord.Object(role_id)],
            users=[discord.Object(user_id) for user_id in user_ids],
            replied_user=False,
        )
        with translated():
            async with self._outgoing.turn(CallPriority.OPERATORS):
                await channel.send(
                    text[: 1900 - len(ping)] + ping, allowed_mentions=mentions, suppress_embeds=True
                )
