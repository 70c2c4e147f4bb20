"""The buttons under a status card. They work on every card, however old, and after any restart."""

from __future__ import annotations

import io
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Self

import discord
from discord import ui

from bot.discord_io.client import ParallaxBot, Services
from bot.discord_io.command_tree import NOBODY, report
from bot.errors import AccessLost, DeliveryError, UserError
from bot.presentation.cluster_chart import chart_title, cluster_chart
from bot.presentation.status import CARD_ACTIONS, Accent, Card
from cogs.ui.base import RateChecked
from cogs.ui.join import show_join

Press = discord.Interaction[Any]

CHART_SECONDS = 86_400.0
CHART_FILE = "cluster.png"


async def _live(services: Services, press: Press) -> None:
    locale = press.locale.value
    card = replace(await services.operations.cards.card(locale), live=True)
    await press.response.edit_message(
        view=services.operations.card_layout(card, "cluster"), allowed_mentions=NOBODY
    )

    async def show(newer: Card) -> None:
        view = services.operations.card_layout(newer, "cluster")
        try:
            await press.edit_original_response(view=view, allowed_mentions=NOBODY)
        except discord.HTTPException as error:
            raise AccessLost(str(error.code)) from error
        except (OSError, TimeoutError) as error:
            raise DeliveryError(type(error).__name__) from error

    message_id = press.message.id if press.message is not None else press.id
    following = services.operations.boards.follow(message_id, locale, show, card)
    services.operations.background.follow(following, name="live-status")


async def _chart(services: Services, press: Press) -> None:
    await press.response.defer(thinking=True, ephemeral=True)
    locale = press.locale.value
    samples = await services.operations.recorder.samples(CHART_SECONDS)
    if not samples:
        raise UserError("no samples", key="error.no_samples")
    png = await services.charts.draw(cluster_chart(samples, locale), user_id=press.user.id)
    view = ui.LayoutView(timeout=None)
    gallery: ui.MediaGallery[ui.LayoutView] = ui.MediaGallery()
    gallery.add_item(media=f"attachment://{CHART_FILE}", description=chart_title(samples, locale))
    view.add_item(ui.Container(gallery, accent_colour=Accent.GOOD.value))
    view.stop()
    await press.edit_original_response(
        view=view, attachments=[discord.File(io.BytesIO(png), CHART_FILE)], allowed_mentions=NOBODY
    )


ACTIONS: dict[str, Callable[[Services, Press], Awaitable[None]]] = {
    "live": _live,
    "chart": _chart,
    "join": show_join,
}


class StatusControl(
    RateChecked, ui.DynamicItem[ui.Button[Any]], template=rf"cluster:(?P<action>{'|'.join(CARD_ACTIONS)})"
):
    """One press under a card. What fails is reported here: the library would only log it."""

    def __init__(self, button: ui.Button[Any], action: str) -> None:
        super().__init__(button)
        self._action = action

    @classmethod
    async def from_custom_id(cls, _interaction: Press, item: ui.Item[Any], match: re.Match[str], /) -> Self:
        """The pressed button, from its id."""
        assert isinstance(item, ui.Button)  # noqa: S101  # the template is of buttons
        return cls(item, match["action"])

    async def callback(self, interaction: Press) -> None:
        """Do it, or say privately why not."""
        client = interaction.client
        assert isinstance(client, ParallaxBot)  # noqa: S101  # registered by our own cog
        try:
            await ACTIONS[self._action](client.services, interaction)
        except Exception as error:  # noqa: BLE001  # the library would only log it: the person is told here
            await report(interaction, error)
