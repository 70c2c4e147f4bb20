"""The channels in which schedules answer, and the people whose they are."""

from __future__ import annotations

import discord

from bot.discord_io.calls import NOBODY, translated
from bot.discord_io.channel_history import read_history, require_member, require_readable
from bot.discord_io.command_tree import text_layout
from bot.discord_io.history import HistoryReader
from bot.discord_io.outgoing import Outgoing
from bot.domain.channel_summary.plan import ChannelMessages
from bot.domain.channel_summary.since import SinceTime
from bot.domain.discord_calls.priority import CallPriority
from bot.domain.queue.missed import HeardPlace
from bot.errors import AccessLost, MessageGone, UserError


class ScheduleChannels:
    """Raises only :class:`DeliveryError`."""

    def __init__(self, client: discord.Client, outgoing: Outgoing, history: HistoryReader) -> None:
        self._client = client
        self._outgoing = outgoing
        self._history = history

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

    def require_reading(self, guild_id: int | None) -> None:
        """Raise :class:`UserError` when the bot can read what people write in no channel of this server."""
        if guild_id is None or self._client.get_guild(guild_id) is None:
            raise UserError("not in a server", key="error.summary_server")
        if not self._client.intents.message_content:
            raise UserError("no message content", key="error.summary_hidden")

    async def said(
        self, channel_id: int, guild_id: int, user_id: int, *, since: float, until: float
    ) -> ChannelMessages:
        """What was said there between these moments (epoch seconds), as far as this member may read it now. Raises
        :class:`UserError`, :class:`NothingSaid` when nothing was, :class:`DeliveryError`."""
        self.require_reading(guild_id)
        guild = self._client.get_guild(guild_id)
        viewer = None if guild is None else await self._history.member(guild, user_id)
        if viewer is None:
            raise UserError("left the server", key="error.schedule_left")
        found = await self._history.channel(HeardPlace(channel_id, guild_id))
        if found is None:
            raise UserError("may not read there", key="error.summary_bot_unseen")
        channel = require_readable(found, viewer)
        await require_member(channel, viewer)
        read = await read_history(self._history, channel, SinceTime(since), viewer, run_at=until)
        return ChannelMessages(guild_id, channel_id, read.messages)

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
