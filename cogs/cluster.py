"""``/status``, ``/models``, ``/join``: the cluster for everyone."""

from __future__ import annotations

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.catalogue import say
from bot.client import ParallaxBot
from bot.errors import NotAllowed
from bot.inference import Model
from bot.rendering.cluster_card import Accent, join_card, models_page, status_card
from bot.services.cluster import ClusterService
from bot.services.operators import Operators
from bot.services.queue import QueueService
from cogs._ui.asker import person_of
from cogs._ui.cards import container
from cogs._ui.views import BaseLayout, reply


class ModelPages(BaseLayout):
    """The model list with buttons to turn its pages; for the person who asked."""

    def __init__(self, models: tuple[Model, ...], *, running: str | None, locale: str, owner_id: int) -> None:
        super().__init__(owner_id=owner_id, timeout=600)
        self._models = models
        self._running = running
        self._locale = locale
        self._page = 0
        self._fill()

    def _fill(self) -> None:
        self.clear_items()
        text, pages = models_page(self._locale, self._models, running=self._running, page=self._page)
        self.add_item(ui.Container(ui.TextDisplay(text), accent_colour=Accent.GOOD.value))
        if pages > 1:
            back = ui.Button[ModelPages](
                label=say(self._locale, "models.previous"), emoji="◀", disabled=self._page == 0
            )
            further = ui.Button[ModelPages](
                label=say(self._locale, "models.next"), emoji="▶", disabled=self._page >= pages - 1
            )
            back.callback = self._turn_back  # type: ignore[method-assign]  # how discord.py binds made buttons
            further.callback = self._turn_further  # type: ignore[method-assign]
            self.add_item(ui.ActionRow(back, further))

    async def _turn_back(self, interaction: discord.Interaction) -> None:
        await self._turn(interaction, -1)

    async def _turn_further(self, interaction: discord.Interaction) -> None:
        await self._turn(interaction, 1)

    async def _turn(self, interaction: discord.Interaction, by: int) -> None:
        self._page += by
        self._fill()
        await interaction.response.edit_message(view=self, allowed_mentions=discord.AllowedMentions.none())


class Cluster(commands.Cog):
    """See the cluster and grow it."""

    def __init__(
        self,
        cluster: ClusterService,
        queue: QueueService,
        operators: Operators,
        join_roles: frozenset[int],
    ) -> None:
        self._cluster = cluster
        self._queue = queue
        self._operators = operators
        self._join_roles = join_roles

    @app_commands.command(name="status", description="See how the cluster is doing.")
    async def status(self, interaction: discord.Interaction) -> None:
        """The status card."""
        locale = interaction.locale.value
        view = self._cluster.view()
        card = status_card(
            locale,
            view.status,
            availability=view.availability.value,
            age=view.age,
            load=await self._queue.load(),
        )
        layout = ui.LayoutView(timeout=None)
        layout.add_item(container(card))
        layout.add_item(ui.ActionRow(ui.Button(label=say(locale, "status.open_page"), url=self._cluster.web_page)))
        layout.stop()
        await reply(interaction, layout, private=False)

    @app_commands.command(name="models", description="See which models the cluster can run.")
    async def models(self, interaction: discord.Interaction) -> None:
        """The list, in pages."""
        await interaction.response.defer(thinking=True, ephemeral=True)
        status = self._cluster.view().status
        layout = ModelPages(
            await self._cluster.models(),
            running=status.model if status else None,
            locale=interaction.locale.value,
            owner_id=interaction.user.id,
        )
        await interaction.edit_original_response(view=layout, allowed_mentions=discord.AllowedMentions.none())

    @app_commands.command(name="join", description="Get the command that adds a machine to the cluster.")
    async def join(self, interaction: discord.Interaction) -> None:
        """The command, privately: it reveals the cluster's address."""
        person = person_of(interaction)
        allowed = not self._join_roles or not self._join_roles.isdisjoint(person.role_ids)
        if not allowed and not self._operators.is_operator(person):
            raise NotAllowed("no role that may add nodes", key="error.join_not_allowed")
        await interaction.response.defer(thinking=True, ephemeral=True)
        card = join_card(interaction.locale.value, await self._cluster.join_command(), self._cluster.view().status)
        layout = ui.LayoutView(timeout=None)
        layout.add_item(container(card))
        layout.stop()
        await interaction.edit_original_response(view=layout, allowed_mentions=discord.AllowedMentions.none())


async def setup(bot: ParallaxBot) -> None:
    """Add the cog with its services."""
    services = bot.services
    await bot.add_cog(Cluster(services.cluster, services.queue, services.operators, services.join_roles))
