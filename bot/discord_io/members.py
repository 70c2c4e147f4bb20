"""Lookup of a server's members: the bot keeps no list of them."""

from __future__ import annotations

import asyncio

import discord

from bot.discord_io.calls import translated

WITHIN = 2.0
"""Seconds: an interaction must be answered within 3."""

# Discord docs, topics/opcodes-and-status-codes: unknown member, unknown user.
_NO_MEMBER = frozenset({10007, 10013})


class GuildMembers:
    """Asks Discord at every call, so that changed roles take effect at once."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client

    async def roles(self, guild_id: int, user_id: int) -> frozenset[int] | None:
        """The roles of a server's member; None when the person is no member. Raises :class:`DeliveryError`, also
        for a server that the bot is not in."""
        with translated():
            try:
                async with asyncio.timeout(WITHIN):
                    member = await self._client.http.get_member(guild_id, user_id)
            except discord.HTTPException as error:
                if error.code in _NO_MEMBER:
                    return None
                raise
        return frozenset(int(role) for role in member["roles"])
