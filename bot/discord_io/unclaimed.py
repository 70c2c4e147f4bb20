"""Presses and dialogues of which the library knows nothing: they wait a moment, or the person is told.

What a message's buttons and a dialogue do is known from the moment at which Discord's response to the call that
showed them is read, until they are too old or the process ends. But Discord shows a message before it responds,
and a busy event loop may read the response after the press.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import discord
import structlog

from bot.discord_io.calls import NOBODY, translated
from bot.discord_io.command_tree import Guard, report, text_layout
from bot.discord_io.connection_state import ConnectionState
from bot.domain.interaction_rates import Sent
from bot.errors import DeliveryError, UserError

if TYPE_CHECKING:
    from discord.types.gateway import InteractionCreateEvent

log = structlog.get_logger(__name__)

KNOWN_WITHIN = 1.0
"""Seconds that a press waits for the response to what it was made on. Discord waits for three."""

_MOST_TEXTS = 5
"""Fields that a dialogue can have (docs, components/reference, "Modal")."""


async def take_up(state: ConnectionState, guard: Guard, data: InteractionCreateEvent) -> None:
    """Handle the interaction as soon as it is known what it does; when that does not become known, tell the person
    so and give back what they wrote. Never raises."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(KNOWN_WITHIN):
            await state.until_known(data)
    if state.knows(data):
        state.parse_interaction_create(data)
        return
    interaction = discord.Interaction[Any](data=data, state=state)
    if not await guard.admits(interaction, Sent.PRESS):
        return
    texts = list(_texts_in(cast("Mapping[str, Any]", data.get("data"))))[:_MOST_TEXTS]
    key = "error.dialogue_over" if texts else "error.controls_over"
    await report(interaction, UserError(f"nothing is known of a {interaction.type.name}", key=key))
    if not interaction.response.is_done():
        # Another process has answered it, or Discord takes no answer any more.
        return
    try:
        with translated():
            for text in texts:
                await interaction.followup.send(view=text_layout(text), ephemeral=True, allowed_mentions=NOBODY)
    except DeliveryError as failure:
        log.warning("interaction.text_not_given_back", user=interaction.user.id, detail=str(failure))


def _texts_in(part: Mapping[str, Any]) -> Iterator[str]:
    """What was written into the fields of a dialogue; nothing of a press."""
    if isinstance(text := part.get("value"), str) and text.strip():
        yield text
    for inner in (part.get("component"), *part.get("components", ())):
        if inner:
            yield from _texts_in(inner)
