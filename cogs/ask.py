"""``/ask``: take a question, acknowledge it at once with the message that becomes the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import discord
import structlog
from discord import app_commands
from discord.ext import commands

from bot.client import AttachmentReader, ParallaxBot
from bot.errors import BotError
from bot.rendering import Page
from bot.services.ask import Accepted, AskService, Question
from bot.services.operators import Operators
from bot.telemetry.metrics import Metrics
from bot.tree import NOBODY
from cogs._ui.asker import asker_of, person_of, surface_of

log = structlog.get_logger(__name__)

Layout = Callable[[Page, str, str], discord.ui.LayoutView]


class Ask(commands.Cog):
    """The slash command people use all day."""

    def __init__(
        self,
        ask: AskService,
        operators: Operators,
        attachments: AttachmentReader,
        layout: Layout,
        metrics: Metrics,
    ) -> None:
        self._ask = ask
        self._operators = operators
        self._attachments = attachments
        self._layout = layout
        self._metrics = metrics

    @app_commands.command(name="ask", description="Ask the team's own AI cluster.")
    @app_commands.describe(
        prompt="Your question.",
        attachment="A text file to go with it.",
        private="Show the answer to me alone.",
        think="Let the model think before it answers (slower), or not.",
    )
    async def ask(
        self,
        interaction: discord.Interaction,
        prompt: app_commands.Range[str, 1, 6000],
        attachment: discord.Attachment | None = None,
        private: bool = False,
        think: bool | None = None,
    ) -> None:
        """Submit the question and acknowledge it; the answer arrives by itself."""
        question = Question(
            asker=asker_of(interaction),
            surface=surface_of(interaction, private=private),
            prompt=prompt,
            think=think,
            weight=self._operators.weight_of(person_of(interaction)),
        )
        if attachment is not None:
            self._attachments.check(attachment)
            # A download may take longer than the 3 s an interaction waits.
            await interaction.response.defer(thinking=True, ephemeral=private)
        try:
            if attachment is not None:
                question = replace(question, material=await self._attachments.read(attachment))
            accepted = await self._ask.submit(question)
        except BotError:
            if interaction.response.is_done():
                # The refusal is for the asker alone: a follow-up would fill the "thinking…" that all can see.
                await interaction.delete_original_response()
            raise
        message_id = await self._acknowledge(interaction, accepted, private=private)
        await self._ask.acknowledged(accepted, message_id)

    async def _acknowledge(
        self, interaction: discord.Interaction, accepted: Accepted, *, private: bool
    ) -> int | None:
        view = self._layout(accepted.page, accepted.request_id, accepted.locale)
        try:
            if interaction.response.is_done():
                message = await interaction.edit_original_response(view=view, allowed_mentions=NOBODY)
                return message.id
            response = await interaction.response.send_message(
                view=view, ephemeral=private, allowed_mentions=NOBODY
            )
        except discord.HTTPException as error:
            # The question is in the line already: it is answered in the channel where that is possible.
            self._metrics.late_interactions.inc()
            log.warning("ask.not_acknowledged", request_id=accepted.request_id, code=error.code)
            return None
        return response.message_id


async def setup(bot: ParallaxBot) -> None:
    """Add the cog with its services."""
    services = bot.services
    await bot.add_cog(
        Ask(services.ask, services.operators, services.attachments, services.layout, services.metrics)
    )
