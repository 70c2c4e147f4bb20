"""The channels in which schedules answer, and the people whose they are."""

from __future__ import annotations

import discord

from bot.discord_io.calls import NOBODY, translated
from bot.discord_io.command_tree import text_layout
from bot.discord_io.outgoing import Outgoing
from bot.domain.discord_calls.priority import CallPriority
from bot.errors import AccessLost, MessageGone


class ScheduleChannels:
    """Raises only :class:`DeliveryError`."""

    def __init__(self, client: discord.Client, outgoing: Outgoing) -> None:
        self._client = client
        self._outgoing = outgoing

    async def is_open(self, channel_id: int, guild_id: int | None) -> bool:
        """Whether the channel is there and the bot may write in it, as far as that is known here."""
        guild = None if guild_id is None else self._client.get_guild(guild_id)
        channel = None if guild is None else guild.get_channel_or_thread(channel_id)
        if guild is not None and channel is not None and guild.me is not None:
            may = channel.permissions_for(guild.me)
            writes = may.send_messages_in_threads if isinstance(channel, discord.Thread) else may.send_messages
            return may.view_channel and writes
        try:
            with translated():
                async with self._outgoing.turn(CallPriority.OTHER):
                    await self._client.http.get_channel(channel_id)
        except (MessageGone, AccessLost):
            return False
        return True

    async def tell(self, user_id: int, channel_id: int, text: str) -> None:
        """Tell somebody something: directly, or in the channel when they take no direct messages. Pings nobody."""
        try:
            with translated():
                async with self._outgoing.turn(CallPriority.OTHER):
                    direct = await self._client.create_dm(discord.Object(user_id))
                    await direct.send(view=text_layout(text), allowed_mentions=NOBODY)
        except AccessLost:
            await self._tell_there(channel_id, text)

    async def _tell_there(self, channel_id: int, text: str) -> None:
        channel = self._client.get_partial_messageable(channel_id)
        with translated():
            async with self._outgoing.turn(CallPriority.OTHER):
                await channel.send(view=text_layout(text), allowed_mentions=NOBODY)
