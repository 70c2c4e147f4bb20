"""Single messages: the ping after a long wait, and answers that can only be sent to a DM."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.discord_io.calls import NOBODY, send_reply, translated
from bot.discord_io.components import page_components
from bot.discord_io.delivery.message_calls import MessageCalls
from bot.discord_io.delivery.search import marked_pages
from bot.discord_io.outgoing import Outgoing
from bot.domain.discord_calls.priority import CallPriority
from bot.domain.queue.request import Destination
from bot.presentation.page import Page


class Messenger:
    """Sends single messages, each once: for some minutes, Discord drops a second one with the same nonce."""

    def __init__(self, client: discord.Client, outgoing: Outgoing) -> None:
        self._client = client
        self._calls = MessageCalls(client)
        self._outgoing = outgoing

    async def announce(
        self, destination: Destination, *, request_id: str, reply_to: int, user_id: int, text: str
    ) -> None:
        """Reply to an answer in its channel; pings ``user_id`` and nobody else. Raises :class:`DeliveryError`."""
        channel = self._client.get_partial_messageable(destination.channel_id)
        reference = discord.MessageReference(
            message_id=reply_to, channel_id=destination.channel_id, fail_if_not_exists=False
        )
        with translated():
            async with self._outgoing.turn(CallPriority.OTHER):
                await send_reply(
                    channel,
                    reference,
                    content=text,
                    allowed_mentions=discord.AllowedMentions(
                        everyone=False, roles=False, users=[discord.Object(user_id)], replied_user=False
                    ),
                    nonce=request_id,
                )

    async def call_role(self, destination: Destination, *, role_id: int, text: str) -> None:
        """Send ``text`` to the channel; pings the role and nobody else. Raises :class:`DeliveryError`."""
        channel = self._client.get_partial_messageable(destination.channel_id)
        with translated():
            async with self._outgoing.turn(CallPriority.OTHER):
                await channel.send(
                    text,
                    allowed_mentions=discord.AllowedMentions(
                        everyone=False, users=False, roles=[discord.Object(role_id)], replied_user=False
                    ),
                    nonce=f"call-{destination.channel_id}",
                )

    async def direct(
        self, user_id: int, pages: Sequence[Page], *, request_id: str, locale: str, heading: str
    ) -> None:
        """Send an answer to somebody's DMs; pages that are there already are not sent again. Raises
        :class:`AccessLost` when the DMs are closed, else :class:`DeliveryError`."""
        with translated():
            async with self._outgoing.turn(CallPriority.LAST):
                channel = await self._client.create_dm(discord.Object(user_id))
                # An earlier process may have sent some pages and been killed before it committed that.
                there = {found.page for found in await marked_pages(self._client, channel, request_id)}
                if not there:
                    await channel.send(heading, allowed_mentions=NOBODY, nonce=f"{request_id}-h")
                for index, page in enumerate(pages):
                    if index in there:
                        continue
                    components = page_components(page, request_id, locale, index)
                    await self._calls.send(channel.id, components, page.files, nonce=f"{request_id}-{index}")
