"""Lookup of a server's members: the bot keeps no list of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import discord

from bot.discord_io.calls import translated
from bot.errors import DeliveryError

WITHIN = 2.0
NAMED_WITHIN = 1.0
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

    async def names(self, guild_id: int, user_ids: Sequence[int]) -> dict[int, str]:
        """The names of a server's members, by id; without those that Discord does not tell in time."""
        asked = {
            asyncio.create_task(self._name(guild_id, user_id), name=f"name-{user_id}"): user_id
            for user_id in user_ids
        }
        try:
            done, _ = await asyncio.wait(asked, timeout=NAMED_WITHIN)
        finally:
            for task in asked:
                task.cancel()
        return {asked[task]: name for task in done if (name := task.result()) is not None}

    async def _name(self, guild_id: int, user_id: int) -> str | None:
        try:
            with translated():
                member = await self._client.http.get_member(guild_id, user_id)
        except DeliveryError:
            return None
        return member.get("nick") or member["user"].get("global_name") or member["user"]["username"]
