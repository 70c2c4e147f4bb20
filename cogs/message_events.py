"""New, edited and deleted messages: a deleted answer stops, an edited question is reworded, a deleted one
forgotten."""

from __future__ import annotations

import discord
from discord.ext import commands

from bot.discord_io.client import ParallaxBot
from bot.discord_io.message_text import words_of
from bot.services.answers.late_ends import LateEnds
from bot.services.requests.cancellation import Cancellation
from bot.services.requests.personal_data import PersonalData
from cogs.ui.ending_buttons import questions_to_end


class ConversationEvents(commands.Cog):
    """Listens to the bot's own new messages, and to edits and deletions."""

    def __init__(
        self, bot: ParallaxBot, cancellation: Cancellation, personal: PersonalData, late_ends: LateEnds
    ) -> None:
        self._bot = bot
        self._cancellation = cancellation
        self._personal = personal
        self._late_ends = late_ends

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Note each message of the bot's own that offers to end a question: it may be one whose sending failed."""
        if message.author == self._bot.user:
            for request_id in questions_to_end(message):
                await self._late_ends.seen(request_id, message.id)

    @commands.Cog.listener()
    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        """Replace the words of an edited question. Discord sends the same event when it adds a preview of a
        link."""
        message = event.message
        if message.author.bot or message.edited_at is None or self._bot.user is None:
            return
        await self._personal.message_edited(event.message_id, words_of(message, self._bot.user.id))

    @commands.Cog.listener()
    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        """Stop the answer or forget the question in a deleted message."""
        await self._deleted(event.message_id)

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        """Do the same for many messages that a moderator deleted at once."""
        for message_id in event.message_ids:
            await self._deleted(message_id)

    async def _deleted(self, message_id: int) -> None:
        await self._cancellation.message_deleted(message_id)
        await self._personal.message_deleted(message_id)


async def setup(bot: ParallaxBot) -> None:
    """Add the cog with its services."""
    services = bot.services
    await bot.add_cog(ConversationEvents(bot, services.cancellation, services.personal, services.late_ends))
