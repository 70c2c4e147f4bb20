"""The first answer to an interaction: Discord takes it for three seconds, and only once."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
import structlog

from bot.discord_io.calls import NOBODY, translated
from bot.errors import DeliveryError
from bot.i18n.catalogue import say

log = structlog.get_logger(__name__)

TOLD_AFTER = 2.0
"""Seconds: who has no answer by then reads that it takes longer. The way to Discord is part of the three."""

_STATE = "first answer"


class FirstAnswer:
    """What is known of an interaction's first answer, besides what the library knows.

    ``lock`` is held while a first answer is sent. ``told``: the sentence that it takes longer was sent; a press
    was acknowledged without a change of its message. ``is_new``: what fills in the answer afterwards is a new
    message, private or not; None when it changes the one that is there.
    """

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.told = False
        self.is_new: bool | None = None

    @classmethod
    def of(cls, interaction: discord.Interaction[Any]) -> FirstAnswer:
        """The one of this interaction."""
        known: FirstAnswer = interaction.extras.setdefault(_STATE, cls())
        return known


async def watch(interaction: discord.Interaction[Any], handler: asyncio.Task[Any]) -> None:
    """Tell the person that it takes longer, when ``handler`` goes on without an answer: else Discord would say
    that the bot did not respond."""
    await asyncio.wait({handler}, timeout=TOLD_AFTER)
    if not handler.done() and not interaction.response.is_done():
        await tell_slow(interaction)


async def tell_slow(interaction: discord.Interaction[Any]) -> None:
    """Say once that what was asked for takes longer, to a person who sees no answer yet. Never raises: when they
    cannot be told, that is only logged."""
    first = FirstAnswer.of(interaction)
    try:
        with translated():
            async with first.lock:
                await _tell_slow(interaction, first)
    except DeliveryError as error:
        log.info("interaction.slow_not_told", user=interaction.user.id, error=type(error).__name__)


async def _tell_slow(interaction: discord.Interaction[Any], first: FirstAnswer) -> None:
    response = interaction.response
    waits = response.type is discord.InteractionResponseType.deferred_message_update
    if first.told or (response.is_done() and not waits):
        return
    log.warning("interaction.slow", user=interaction.user.id)
    view = discord.ui.LayoutView(timeout=None)
    view.add_item(discord.ui.TextDisplay(say(interaction.locale.value, "error.slow")))
    view.stop()
    if not response.is_done():
        if interaction.message is None:
            await response.send_message(view=view, ephemeral=True, allowed_mentions=NOBODY)
            first.told = True
            return
        # The answer may still change the pressed message.
        await response.defer()
    first.told = True
    await interaction.followup.send(view=view, ephemeral=True, allowed_mentions=NOBODY)
