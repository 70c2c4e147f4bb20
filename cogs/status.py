"""``/status``, ``/models``, ``/join``: the cluster for everyone."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord_io.brought_along import is_brought_along
from bot.discord_io.client import ParallaxBot
from bot.presentation.join import joined_memory
from cogs.ui.base import acknowledge, fill_in, reply
from cogs.ui.clusters import cluster_command
from cogs.ui.convert import person_of
from cogs.ui.join import show_join
from cogs.ui.models import ModelPages
from cogs.ui.status_buttons import StatusControl


class Cluster(commands.Cog):
    """The commands about the cluster that everybody may use."""

    def __init__(self, bot: ParallaxBot) -> None:
        self._bot = bot
        self._services = bot.services

    async def cog_load(self) -> None:
        """Register the buttons of status cards; they also work on messages from before a restart."""
        self._bot.add_dynamic_items(StatusControl)

    async def cog_unload(self) -> None:
        """Unregister them."""
        self._bot.remove_dynamic_items(StatusControl)

    @cluster_command(name="status", description="See how the cluster is doing.")
    @app_commands.describe(cluster="Only this cluster.")
    async def status(self, interaction: discord.Interaction, cluster: str | None = None) -> None:
        """Show the status card."""
        running = self._services.operations
        name = None if cluster is None else self._services.clusters.chosen(cluster).name
        card = await running.cards.card(interaction.locale.value, name)
        # Where somebody brought the bot along, the others there have nothing to do with the cluster.
        private = is_brought_along(interaction)
        await reply(interaction, running.card_layout(card, "cluster"), private=private)

    @cluster_command(name="models", description="See which models the cluster can run.")
    @app_commands.describe(search="Words of the model's name.", cluster="The cluster; without it, the first one.")
    async def models(
        self,
        interaction: discord.Interaction,
        search: app_commands.Range[str, 1, 80] | None = None,
        cluster: str | None = None,
    ) -> None:
        """Show the list in pages."""
        await acknowledge(interaction, new=True)
        chosen = self._services.clusters.chosen(cluster)
        status = chosen.service.view().status
        operator = self._services.operators.is_operator(person_of(interaction))
        layout = ModelPages(
            await chosen.service.models(),
            running=status.model if status else None,
            memory=joined_memory(status) if operator else None,
            wanted=search or "",
            locale=interaction.locale.value,
            owner_id=interaction.user.id,
            cluster=chosen.name if self._services.clusters.shown_names else "",
        )
        await fill_in(interaction, layout)

    @cluster_command(name="join", description="Get the command that adds a machine to the cluster.")
    @app_commands.describe(cluster="The cluster; without it, the first one.")
    async def join(self, interaction: discord.Interaction, cluster: str | None = None) -> None:
        """Show the join command privately: it reveals the cluster's address."""
        await show_join(self._services, interaction, cluster)

    @commands.Cog.listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """Send a board again that somebody deleted."""
        await self._services.operations.boards.message_deleted(payload.message_id)


async def setup(bot: ParallaxBot) -> None:
    """Add the cog with its services."""
    await bot.add_cog(Cluster(bot))
