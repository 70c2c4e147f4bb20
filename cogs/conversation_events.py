"""What happens to messages: a deleted answer stops its stream and frees its pipeline."""

from __future__ import annotations

import discord
from discord.ext import commands

from bot.client import ParallaxBot
from bot.services.dispatcher import Dispatcher


class ConversationEvents(commands.Cog):
    """Listens to the gateway."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    @commands.Cog.listener()
    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        """Somebody deleted a message; perhaps an answer."""
        await self._dispatcher.message_deleted(event.message_id)

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        """A moderator deleted many."""
        for message_id in event.message_ids:
            await self._dispatcher.message_deleted(message_id)


async def setup(bot: ParallaxBot) -> None:
    """Add the cog with its service."""
    await bot.add_cog(ConversationEvents(bot.services.dispatcher))
