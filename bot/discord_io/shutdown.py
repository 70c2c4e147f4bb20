"""The end of what came from Discord: finished, or else dropped and told."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
import structlog

from bot.discord_io.calls import translated
from bot.discord_io.command_tree import tell
from bot.discord_io.first_answer import TAKEN_WITHIN, FirstAnswer
from bot.discord_io.in_hand import InHand
from bot.errors import DeliveryError
from bot.i18n.catalogue import say

log = structlog.get_logger(__name__)

TOLD_WITHIN = 1.5
"""Seconds in which all whose interactions are dropped are told so."""

_Kind = discord.InteractionResponseType
# Discord shows no result after these: "… is thinking", or the pressed message as it was.
_ACKNOWLEDGED = frozenset({_Kind.deferred_channel_message, _Kind.deferred_message_update})


async def finish(in_hand: InHand, timeout: float) -> None:
    """Let what is in hand end within ``timeout`` seconds, and drop the rest: who has no answer is told, and the
    log has one event for each. Never raises."""
    dropped = await in_hand.drop(timeout)
    await asyncio.gather(*(_told(handler, interaction, timeout) for handler, interaction in dropped.items()))


def _waits(interaction: discord.Interaction[Any], waited: float) -> bool:
    """Whether the person sees no result and can be told one. ``waited``: it is in hand for so many seconds at
    least."""
    kind = interaction.response.type
    if interaction.type is discord.InteractionType.autocomplete:
        return False
    if kind is None:
        return waited < TAKEN_WITHIN
    first = FirstAnswer.of(interaction)
    return kind in _ACKNOWLEDGED or first.told or (first.taking is not None and first.taking.told)


async def _told(handler: asyncio.Task[Any], interaction: discord.Interaction[Any] | None, waited: float) -> None:
    if interaction is None:
        log.info("interaction.dropped_at_shutdown", kind=handler.get_name(), user=None, told=False)
        return
    told = False
    if _waits(interaction, waited):
        try:
            async with asyncio.timeout(TOLD_WITHIN):
                with translated():
                    await tell(interaction, say(interaction.locale.value, "error.cut_off"))
            told = True
        except (DeliveryError, TimeoutError) as error:
            log.info("interaction.not_told", user=interaction.user.id, error=type(error).__name__)
    log.info("interaction.dropped_at_shutdown", kind=interaction.type.name, user=interaction.user.id, told=told)
