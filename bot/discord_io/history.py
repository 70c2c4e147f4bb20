"""Reads what was written in channels, slowly and after everything else that the bot wants of Discord."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import discord

from bot.clock import Clock
from bot.discord_io.calls import translated
from bot.discord_io.outgoing import Outgoing
from bot.domain.discord_calls.priority import CallPriority
from bot.domain.queue.missed import HeardPlace
from bot.errors import AccessLost, DeliveryError, MessageGone

READ_EVERY = 0.1
"""Seconds between two calls: a fifth of what Discord takes of a bot."""

PAGE = 100
"""Messages in one answer, the most that Discord gives (docs, resources/message, "Get Channel Messages")."""

MOST_READ = 1_000
"""Messages read of one channel: ten calls. In a busier one, older questions are not found."""

_NO_MEMBER = frozenset({10007, 10013})
"""Discord docs, topics/opcodes-and-status-codes: unknown member, unknown user."""

Readable = discord.abc.Messageable

_Spoken = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread


class HistoryReader:
    """Reads channels with calls of the lowest priority, at most ten a second."""

    def __init__(self, client: discord.Client, outgoing: Outgoing, clock: Clock) -> None:
        self._client = client
        self._outgoing = outgoing
        self._clock = clock
        self._next = 0.0
        self._turn = asyncio.Lock()

    def knows(self, place: HeardPlace) -> bool:
        """Whether Discord has told of the place's server."""
        if place.guild_id is None:
            return True
        guild = self._client.get_guild(place.guild_id)
        return guild is not None and not guild.unavailable

    async def channel(self, place: HeardPlace) -> Readable | None:
        """The channel; None when there is none any more, or the bot may not read or not write there. Raises
        :class:`DeliveryError` when Discord does not answer."""
        if place.guild_id is None:
            return self._client.get_partial_messageable(place.channel_id, type=discord.ChannelType.private)
        guild = self._client.get_guild(place.guild_id)
        if guild is None:
            return None
        found: object = guild.get_channel_or_thread(place.channel_id)
        if found is None:
            # A thread that is archived: Discord tells only of active ones.
            try:
                async with self._call():
                    found = await self._client.fetch_channel(place.channel_id)
            except (AccessLost, MessageGone):
                return None
        return found if isinstance(found, _Spoken) and _may_answer(found, guild) else None

    def threads(self, place: HeardPlace) -> Sequence[HeardPlace]:
        """The active threads of a server's channel, or posts of its forum."""
        guild = self._client.get_guild(place.guild_id) if place.guild_id is not None else None
        channel = guild.get_channel(place.channel_id) if guild is not None else None
        if not isinstance(channel, discord.TextChannel | discord.ForumChannel):
            return ()
        return [HeardPlace(thread.id, place.guild_id) for thread in channel.threads]

    async def page(self, channel: Readable, before: int | None) -> Sequence[discord.Message]:
        """At most :data:`PAGE` messages of a channel, newest first, which are older than the id ``before``; None:
        the newest ones. Raises :class:`DeliveryError`."""
        older = None if before is None else discord.Object(before)
        async with self._call():
            return [message async for message in channel.history(limit=PAGE, before=older)]

    async def read(self, channel: Readable, since: int) -> Sequence[discord.Message]:
        """The messages of a channel from this id on, newest first, at most :data:`MOST_READ`; none where the bot
        may not read. Raises :class:`DeliveryError` when Discord does not answer."""
        newest = getattr(channel, "last_message_id", None)
        if newest is not None and newest < since:
            return ()
        found: list[discord.Message] = []
        before: discord.Object | None = None
        while len(found) < MOST_READ:
            try:
                async with self._call():
                    page = [message async for message in channel.history(limit=PAGE, before=before)]
            except (AccessLost, MessageGone):
                return ()
            found += (message for message in page if message.id >= since)
            if len(page) < PAGE or page[-1].id < since:
                break
            before = discord.Object(page[-1].id)
        return found

    async def member(self, guild: discord.Guild, user_id: int) -> discord.Member | None:
        """A member with their roles, which Discord does not tell with messages that are read; None for somebody
        who is none any more. Raises :class:`DeliveryError`."""
        try:
            async with self._call():
                return await guild.fetch_member(user_id)
        except DeliveryError as error:
            if isinstance(error.__cause__, discord.HTTPException) and error.__cause__.code in _NO_MEMBER:
                return None
            raise

    @asynccontextmanager
    async def _call(self) -> AsyncIterator[None]:
        """Wait for the turn of one call."""
        async with self._turn:
            await self._clock.sleep(max(0.0, self._next - self._clock.monotonic()))
            self._next = self._clock.monotonic() + READ_EVERY
        async with self._outgoing.turn(CallPriority.READING):
            with translated():
                yield


def _may_answer(channel: _Spoken, guild: discord.Guild) -> bool:
    me: discord.Member | None = guild.me
    if me is None:
        # Discord has told of the server without its members.
        return False
    if isinstance(channel, discord.Thread) and (channel.parent is None or channel.locked):
        return False
    may = channel.permissions_for(me)
    writes = may.send_messages_in_threads if isinstance(channel, discord.Thread) else may.send_messages
    return may.view_channel and may.read_message_history and writes
