"""``/context``: what a channel remembers, and forgetting it."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.catalogue import say
from bot.client import ParallaxBot
from bot.conversation.ports import ConversationKey
from bot.rendering import escape_inline
from bot.services.conversations import ConversationService
from cogs._ui.views import reply, text_layout

QUESTION_SHOWN = 120


class Context(commands.Cog):
    """Shows and clears the memory of the channel it is used in."""

    group = app_commands.Group(name="context", description="What this channel remembers of its questions.")

    def __init__(self, conversations: ConversationService) -> None:
        self._conversations = conversations

    @group.command(name="show", description="Show what the next question here would carry along.")
    @app_commands.describe(private="Look at the memory of your private answers instead.")
    async def show(self, interaction: discord.Interaction, private: bool = False) -> None:
        """Show the memory, privately."""
        locale = interaction.locale.value
        memory = await self._conversations.memory(_key(interaction, private=private))
        title = f"### {say(locale, 'context.title')}"
        note = f"-# {say(locale, 'context.private_note')}"
        if not memory.turns:
            await reply(interaction, text_layout(title, say(locale, "context.empty"), note), private=True)
            return
        summary = say(
            locale,
            "context.summary",
            count=memory.turns,
            used=memory.used,
            tokens=memory.tokens,
            limit=memory.limit,
        )
        turns = "\n".join(
            "- "
            + say(
                locale,
                "context.turn",
                name=escape_inline(turn.asker_name),
                question=escape_inline(turn.question[:QUESTION_SHOWN]),
            )
            for turn in memory.newest
        )
        await reply(interaction, text_layout(title, summary, turns, note), private=True)

    @group.command(name="clear", description="Forget what was asked and answered in this channel.")
    @app_commands.describe(private="Forget your private answers here instead.")
    async def clear(self, interaction: discord.Interaction, private: bool = False) -> None:
        """Forget the memory."""
        locale = interaction.locale.value
        cleared = await self._conversations.clear(_key(interaction, private=private), by=interaction.user.id)
        sentence = say(locale, "context.cleared", count=cleared) if cleared else say(locale, "context.nothing")
        await reply(interaction, text_layout(sentence), private=private or not cleared)


def _key(interaction: discord.Interaction, *, private: bool) -> ConversationKey:
    return ConversationKey(
        channel_id=interaction.channel_id or 0,
        guild_id=interaction.guild_id,
        private_to=interaction.user.id if private else None,
    )


async def setup(bot: ParallaxBot) -> None:
    """Add the cog with its service."""
    await bot.add_cog(Context(bot.services.conversations))
