"""The buttons under an answer. Their ids carry all they need, so they work after any restart."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Self

import discord
from discord import ui

from bot.client import ParallaxBot
from bot.rendering import Control
from bot.rendering.controls import REQUEST_ID
from bot.services.controls import AnswerControls
from bot.tree import NOBODY, report
from cogs._ui.asker import person_of

Action = Callable[[AnswerControls, str, discord.Interaction[Any]], Awaitable[None]]


async def _stop(controls: AnswerControls, request_id: str, interaction: discord.Interaction[Any]) -> None:
    # Acknowledged first: the message is brought to its new form by the delivery, within its own budget.
    await controls.permit_stop(request_id, person_of(interaction))
    await interaction.response.defer()
    await controls.stop(request_id, person_of(interaction))


async def _show(controls: AnswerControls, request_id: str, interaction: discord.Interaction[Any]) -> None:
    request = await controls.kept(request_id, person_of(interaction))
    client = interaction.client
    assert isinstance(client, ParallaxBot)  # noqa: S101  # registered by our own cog
    layout = client.services.layout
    pages = controls.pages(request)
    view = layout(pages[0], request_id, interaction.locale.value)
    await interaction.response.send_message(view=view, ephemeral=True, allowed_mentions=NOBODY)
    for page in pages[1:]:
        view = layout(page, request_id, interaction.locale.value)
        await interaction.followup.send(view=view, ephemeral=True, allowed_mentions=NOBODY)
    await controls.fetched(request)


ACTIONS: dict[Control, Action] = {Control.STOP: _stop, Control.CANCEL: _stop, Control.SHOW: _show}


class AnswerControl(
    ui.DynamicItem[ui.Button[Any]], template=rf"answer:(?P<action>[a-z]+):(?P<request>{REQUEST_ID})"
):
    """One press of one of our buttons.

    discord.py only logs what a DynamicItem raises and takes an exception in its check for a refusal, so every
    failure is reported here.
    """

    def __init__(self, button: ui.Button[Any], action: str, request_id: str) -> None:
        super().__init__(button)
        self._action = action
        self._request_id = request_id

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """The pressed button, from its id."""
        assert isinstance(item, ui.Button)  # noqa: S101  # the template is of buttons
        return cls(item, match["action"], match["request"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Do it, or say privately why not."""
        client = interaction.client
        assert isinstance(client, ParallaxBot)  # noqa: S101  # registered by our own cog
        try:
            action = ACTIONS[Control(self._action)]
            await action(client.services.controls, self._request_id, interaction)
        except Exception as error:  # noqa: BLE001  # the library would only log it: the person is told here
            await report(interaction, error)
