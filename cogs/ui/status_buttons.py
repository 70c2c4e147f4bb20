"""The buttons under a status card. They work on every card, also after a restart."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable
from dataclasses import replace

import discord
from discord import ui

from bot.discord_io.calls import translated
from bot.discord_io.client import Services
from bot.discord_io.command_tree import text_layout
from bot.errors import UserError
from bot.presentation.cluster_chart import chart_title, cluster_chart
from bot.presentation.status import CARD_ACTIONS, Accent, Card
from cogs.ui.base import DurableButton, Press, acknowledge, fill_in, redraw
from cogs.ui.join import show_join

CHART_SECONDS = 86_400.0
CHART_FILE = "cluster.png"


async def _live(services: Services, press: Press) -> None:
    locale = press.locale.value
    card = replace(await services.operations.cards.card(locale), live=True)
    await redraw(press, services.operations.card_layout(card, "cluster"))

    async def show(newer: Card) -> None:
        with translated():
            await fill_in(press, services.operations.card_layout(newer, "cluster"))

    message_id = press.message.id if press.message is not None else press.id
    following = services.operations.boards.follow(message_id, locale, show, card)
    services.operations.background.follow(following, name="live-status")


async def _chart(services: Services, press: Press) -> None:
    await acknowledge(press, new=True)
    locale = press.locale.value
    samples = await services.operations.recorder.samples(CHART_SECONDS)
    if not samples:
        raise UserError("no samples", key="error.no_samples")
    png = await services.charts.draw(cluster_chart(samples, locale), user_id=press.user.id)
    view = text_layout()
    gallery: ui.MediaGallery[ui.LayoutView] = ui.MediaGallery()
    gallery.add_item(media=f"attachment://{CHART_FILE}", description=chart_title(samples, locale))
    view.add_item(ui.Container(gallery, accent_colour=Accent.GOOD.value))
    await fill_in(press, view, files=[discord.File(io.BytesIO(png), CHART_FILE)])


ACTIONS: dict[str, Callable[[Services, Press], Awaitable[None]]] = {
    "live": _live,
    "chart": _chart,
    "join": show_join,
}


class StatusControl(DurableButton, template=rf"cluster:(?P<action>{'|'.join(CARD_ACTIONS)})"):
    """The buttons of status cards."""

    async def act(self, services: Services, press: Press) -> None:
        """Do what the button's action names."""
        await ACTIONS[self.fields["action"]](services, press)
