"""``/ask``: takes a question and acknowledges it at once with the message that becomes the answer."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord_io.client import ParallaxBot
from cogs.ui.answer_buttons import AnswerControl
from cogs.ui.ask_flow import Asking
from cogs.ui.help_buttons import HelpChoice


class Ask(commands.Cog):
    """The command ``/ask``, and the buttons under answers."""

    def __init__(self, bot: ParallaxBot) -> None:
        self._bot = bot
        self._asking = Asking(bot.services, bot.application_id or 0)

    async def cog_load(self) -> None:
        """Answer the buttons under answers, those from before a restart included."""
        self._bot.add_dynamic_items(AnswerControl, HelpChoice)

    async def cog_unload(self) -> None:
        """Stop answering them."""
        self._bot.remove_dynamic_items(AnswerControl, HelpChoice)

    @app_commands.command(name="ask", description="Ask the team's own AI cluster.")
    @app_commands.describe(
        prompt="Your question.",
        attachment="A file to go with it: text, PDF or DOCX.",
        private="Show the answer only to me.",
        think="Let the model think before it answers (slower), or not.",
        thread="Open a thread for it: there you can continue without a mention.",
        attachment_2="A second file.",
        attachment_3="A third file.",
    )
    async def ask(
        self,
        interaction: discord.Interaction,
        prompt: app_commands.Range[str, 1, 6000],
        attachment: discord.Attachment | None = None,
        private: bool | None = None,
        think: bool | None = None,
        thread: bool | None = None,
        attachment_2: discord.Attachment | None = None,
        attachment_3: discord.Attachment | None = None,
    ) -> None:
        """Submit the question and acknowledge it; the answer arrives by itself."""
        files = [one for one in (attachment, attachment_2, attachment_3) if one is not None]
        await self._asking.by_interaction(
            interaction, prompt, files=files, private=private, think=think, thread=thread
        )


async def setup(bot: ParallaxBot) -> None:
    """Add the cog with its services."""
    await bot.add_cog(Ask(bot))
