"""Members of servers."""

from __future__ import annotations


class NoMembers:
    """A :class:`bot.services.access.rules.Members` that is not to be asked: nobody is looked up in a server."""

    async def roles(self, guild_id: int, user_id: int) -> frozenset[int] | None:
        """Fail the test."""
        raise AssertionError((guild_id, user_id))
