"""Where the app is installed: to servers, and to the accounts of people, who bring it along."""

from __future__ import annotations

from sandbox.discord_api import payloads
from sandbox.discord_api.client_rules import RefusedError
from sandbox.discord_api.model import Member
from sandbox.discord_api.wire import JSON
from sandbox.discord_api.world import World, WorldEvent


class Installing:
    """Installs the app, and removes it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._left: dict[int, Member] = {}

    def state(self) -> JSON:
        """The ids of the servers, and of the people, who have it."""
        world = self._world
        return {
            "servers": [str(guild.id) for guild in world.guilds_of(world.bot.id)],
            "people": [str(user_id) for user_id in sorted(world.user_installs)],
        }

    async def turn_person(self, value: object) -> None:
        """``{"id", "on"}``: install it to somebody's account, or remove it there. Raises :class:`RefusedError`."""
        user_id, on = _target(value)
        if user_id not in self._world.users:
            raise RefusedError("There is nobody with that id.")
        (self._world.user_installs.add if on else self._world.user_installs.discard)(user_id)

    async def turn_server(self, value: object) -> None:
        """``{"id", "on"}``: take the bot out of a server, or let it in again with the roles that it had. Raises
        :class:`RefusedError`."""
        guild_id, on = _target(value)
        world = self._world
        guild = world.guilds.get(guild_id)
        if guild is None:
            raise RefusedError("There is no server with that id.")
        if on == (world.bot.id in guild.members):
            return
        if not on:
            self._left[guild_id] = guild.members[world.bot.id]
            world.remove_member(guild, world.bot)
            return
        if guild_id not in self._left:
            raise RefusedError("The bot was never in that server.")
        member = guild.members[world.bot.id] = self._left.pop(guild_id)
        channels = [channel for channel in world.channels_of(guild_id) if world.can_see(world.bot.id, channel)]
        data = payloads.guild(guild, channels, [member], joined_at=member.joined_at)
        # discord.py takes a server without this key for one that the bot joins, else for one that was down.
        del data["unavailable"]
        world.emit(WorldEvent("GUILD_CREATE", data, guild_id))


def _target(value: object) -> tuple[int, bool]:
    if not isinstance(value, dict) or not str(value.get("id", "")).isdecimal():
        raise RefusedError("It names an id, and whether it is on.")
    return int(value["id"]), bool(value.get("on"))
