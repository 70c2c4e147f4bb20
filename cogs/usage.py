"""``/usage``: a person's own tokens and limit; for managers of a server, a chart of everybody's usage."""

from __future__ import annotations

import io
from collections.abc import Sequence

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.discord_io.client import Charts, ParallaxBot
from bot.discord_io.command_tree import text_layout
from bot.domain.queue.usage import DAY, UsageRow
from bot.errors import NotAllowed
from bot.i18n.catalogue import say
from bot.presentation.usage_chart import usage_chart
from bot.services.access.quotas import Quotas
from bot.services.access.rules import Access
from cogs.ui.base import acknowledge, fill_in, reply
from cogs.ui.convert import manages, person_of

DAYS = 30
DAYS_SHOWN = 7
FILE = "usage.png"


class Usage(commands.Cog):
    """The command ``/usage``."""

    def __init__(self, quotas: Quotas, access: Access, charts: Charts) -> None:
        self._quotas = quotas
        self._access = access
        self._charts = charts

    @app_commands.command(name="usage", description="See how many tokens you used, and what is left for today.")
    @app_commands.describe(server="Show everybody's usage here as a chart (for people who manage the server).")
    async def usage(self, interaction: discord.Interaction, server: bool = False) -> None:
        """Show the person's own usage, or the server's."""
        if server:
            await self._server(interaction)
            return
        locale = interaction.locale.value
        allowance = await self._quotas.allowance(await self._access.seen(person_of(interaction)))
        rows = await self._quotas.history(interaction.user.id, DAYS)
        today = say(locale, "usage.today", tokens=allowance.used)
        if allowance.limit is not None:
            resets = f"<t:{int(allowance.resets_at)}:R>"
            today = say(locale, "usage.today_of", tokens=allowance.used, limit=allowance.limit, resets=resets)
        days = [
            "- " + say(locale, "usage.day", day=_day(row.day), questions=row.questions, tokens=row.tokens)
            for row in reversed(rows[-DAYS_SHOWN:])
        ]
        total = say(
            locale,
            "usage.total",
            days=DAYS,
            questions=sum(row.questions for row in rows),
            tokens=sum(row.tokens for row in rows),
        )
        title = f"### {say(locale, 'usage.title')}"
        await reply(interaction, text_layout(title, today, "\n".join(days), f"-# {total}"), private=True)

    async def _server(self, interaction: discord.Interaction) -> None:
        locale = interaction.locale.value
        if interaction.guild_id is None:
            raise NotAllowed("no server here", key="error.not_manager")
        person = person_of(interaction)
        self._access.require_manager(person, manager=manages(interaction))
        await acknowledge(interaction, new=True)
        rows = await self._quotas.server(interaction.guild_id, DAYS)
        if not rows:
            await fill_in(interaction, text_layout(say(locale, "usage.nothing")))
            return
        chart = usage_chart(rows, last_day=self._quotas.today, days=DAYS, locale=locale)
        picture = await self._charts.draw(chart, user_id=person.user_id)
        view = text_layout(f"### {say(locale, 'usage.server_title', days=DAYS)}", _sums(rows, locale))
        view.add_item(ui.MediaGallery(discord.MediaGalleryItem(f"attachment://{FILE}")))
        await fill_in(interaction, view, files=[discord.File(io.BytesIO(picture), filename=FILE)])


def _day(number: int) -> str:
    return f"<t:{number * DAY + DAY // 2}:d>"


def _sums(rows: Sequence[UsageRow], locale: str) -> str:
    questions = sum(row.questions for row in rows)
    waited = sum(row.waited for row in rows) / max(1, questions)
    return say(
        locale,
        "usage.sums",
        questions=questions,
        tokens=sum(row.tokens for row in rows),
        people=len({row.user_id for row in rows}),
        waited=round(waited, 1),
    )


async def setup(bot: ParallaxBot) -> None:
    """Add the cog with its services."""
    services = bot.services
    await bot.add_cog(Usage(services.quotas, services.access, services.charts))
