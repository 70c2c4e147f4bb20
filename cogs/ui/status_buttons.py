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
from bot.presentation.page import escape_inline
from bot.presentation.status import CARD_ACTIONS, Accent, Card
from cogs.ui.base import DurableButton, Press, acknowledge, fill_in, redraw
from cogs.ui.join import show_join

CHART_SECONDS = 86_400.0


async def _live(services: Services, press: Press, cluster: str | None) -> None:
    locale = press.locale.value
    card = replace(await services.operations.cards.card(locale, cluster), live=True)
    await redraw(press, services.operations.card_layout(card, "cluster"))

    async def show(newer: Card) -> None:
        with translated():
            await fill_in(press, services.operations.card_layout(newer, "cluster"))

    message_id = press.message.id if press.message is not None else press.id
    following = services.operations.boards.follow(message_id, locale, show, card, cluster)
    services.operations.background.follow(following, name="live-status")


async def _chart(services: Services, press: Press, cluster: str | None) -> None:
    await acknowledge(press, new=True)
    locale, names = press.locale.value, services.clusters.names if cluster is None else (cluster,)
    view = text_layout()
    files: list[discord.File] = []
    for name in names:
        samples = await services.operations.recorders[name].samples(CHART_SECONDS)
        if not samples:
            continue
        png = await services.charts.draw(cluster_chart(samples, locale), user_id=press.user.id)
        files.append(discord.File(io.BytesIO(png), f"cluster{len(files) or ''}.png"))
        gallery: ui.MediaGallery[ui.LayoutView] = ui.MediaGallery()
        gallery.add_item(media=files[-1], description=chart_title(samples, locale))
        shown = f"**{escape_inline(name)}**" if services.clusters.shown_names else ""
        titles = [ui.TextDisplay[ui.LayoutView](shown)] if shown else []
        view.add_item(ui.Container(*titles, gallery, accent_colour=Accent.GOOD.value))
    if not files:
        raise UserError("no samples", key="error.no_samples")
    await fill_in(press, view, files=files)


ACTIONS: dict[str, Callable[[Services, Press, str | None], Awaitable[None]]] = {
    "live": _live,
    "chart": _chart,
    "join": show_join,
}


class StatusControl(
    DurableButton, template=rf"cluster:(?P<action>{'|'.join(CARD_ACTIONS)})(?P<of>:[A-Za-z0-9_-]{{1,20}})?"
):
    """The buttons of status cards; those of a card about one of several clusters have its name."""

    async def act(self, services: Services, press: Press) -> None:
        """Do what the button's action names. Raises :class:`UserError` when the cluster is not configured any
        more."""
        name = (self.fields["of"] or "").removeprefix(":") or None
        if name is not None:
            services.clusters.chosen(name)
        await ACTIONS[self.fields["action"]](services, press, name)
