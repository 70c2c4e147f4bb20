"""The help channels, for those who look for posts that were missed: a
:class:`bot.domain.queue.missed.PlaceSource`."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.domain.conversation.help_threads import HelpThreadStore
from bot.domain.queue.missed import HeardPlace


class HelpPlaces:
    """Knows the help channels that Discord has told of, and so their servers."""

    def __init__(self, client: discord.Client, store: HelpThreadStore) -> None:
        self._client = client
        self._store = store

    async def heard_places(self, *, since: float, most: int) -> Sequence[HeardPlace]:  # noqa: ARG002  # as the port's
        """At most so many help channels; every message there may be a question, however long nobody wrote. Raises
        :class:`StorageError`."""
        known = [self._client.get_channel(channel_id) for channel_id in sorted(await self._store.channels())]
        channels = [one for one in known if isinstance(one, discord.TextChannel | discord.ForumChannel)]
        return [HeardPlace(channel.id, channel.guild.id) for channel in channels[:most]]
