"""Threads that are opened for questions."""

from __future__ import annotations

import discord
import structlog

from bot.discord_io.calls import translated
from bot.errors import DeliveryError

log = structlog.get_logger(__name__)

THREAD_TITLE = 80


def may_open_thread(interaction: discord.Interaction) -> bool:
    """Whether the bot can open a thread where the interaction happened, and write in it."""
    permissions = interaction.app_permissions
    return (
        interaction.is_guild_integration()
        and permissions.create_public_threads
        and permissions.send_messages_in_threads
    )


async def thread_on(message: discord.Message | discord.PartialMessage, prompt: str) -> discord.Thread | None:
    """Open a thread on a message, with the question as its title; None where that is not possible."""
    title = " ".join(prompt.split())[:THREAD_TITLE] or "…"
    try:
        with translated():
            return await message.create_thread(name=title)
    except DeliveryError as error:
        # No permission, or there is a thread already: the answer comes where the question was asked.
        log.info("thread.not_opened", message=message.id, error=str(error))
        return None
