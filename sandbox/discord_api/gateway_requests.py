"""What an identified client asks of the gateway: its presence, members, its voice state, soundboard sounds.

Source: docs.discord.com, developers/events/gateway-events, "Send Events".
"""

from __future__ import annotations

from collections.abc import Callable

from sandbox.discord_api import member_chunks
from sandbox.discord_api.gateway_sessions import Session
from sandbox.discord_api.model import ChannelType
from sandbox.discord_api.wire import JSON
from sandbox.discord_api.world import World, WorldEvent

PRESENCE, VOICE, MEMBERS, SOUNDBOARD = 3, 4, 8, 31
_STATUSES = ("online", "dnd", "idle", "invisible", "offline")

Request = Callable[[World, Session, JSON], int | None]


def _presence(_: World, session: Session, data: JSON) -> int | None:
    if data.get("status", "online") not in _STATUSES or not isinstance(data.get("activities") or [], list):
        return 4002
    session.presence = data
    return None


def _voice(world: World, session: Session, data: JSON) -> int | None:
    """Enter or leave a voice channel. There is no sound: the voice server has no endpoint."""
    guild = world.guilds.get(_number(data.get("guild_id")))
    if guild is None or world.bot.id not in guild.members:
        return None
    wanted = data.get("channel_id")
    channel = world.channels.get(_number(wanted))
    if wanted is not None and (channel is None or channel.type not in ChannelType.VOICES):
        return None
    state: JSON = {
        "guild_id": str(guild.id),
        "channel_id": str(channel.id) if wanted is not None and channel else None,
        "user_id": str(world.bot.id),
        "session_id": session.id,
        "deaf": False,
        "mute": False,
        "self_deaf": bool(data.get("self_deaf")),
        "self_mute": bool(data.get("self_mute")),
        "self_video": False,
        "suppress": False,
        "request_to_speak_timestamp": None,
    }
    if wanted is None:
        guild.voice_states.pop(world.bot.id, None)
    else:
        guild.voice_states[world.bot.id] = state
    world.emit(WorldEvent("VOICE_STATE_UPDATE", state, guild.id))
    if wanted is not None:
        server = {"guild_id": str(guild.id), "token": "no-sound-here", "endpoint": None}
        session.dispatch("VOICE_SERVER_UPDATE", server)
    return None


def _members(world: World, session: Session, data: JSON) -> int | None:
    if (code := member_chunks.refusal(session.intents, data)) is not None:
        return code
    for chunk in member_chunks.members_chunks(world, data):
        session.dispatch("GUILD_MEMBERS_CHUNK", chunk)
    return None


def _soundboard(world: World, session: Session, data: JSON) -> int | None:
    asked = data.get("guild_ids")
    if not isinstance(asked, list):
        return 4002
    for guild_id in asked:
        guild = world.guilds.get(_number(guild_id))
        if guild is not None and world.bot.id in guild.members:
            session.dispatch("SOUNDBOARD_SOUNDS", {"guild_id": str(guild.id), "soundboard_sounds": []})
    return None


REQUESTS: dict[object, Request] = {
    PRESENCE: _presence,
    VOICE: _voice,
    MEMBERS: _members,
    SOUNDBOARD: _soundboard,
}
"""By opcode; each returns the close code of what may not be asked."""


def _number(value: object) -> int:
    """A snowflake as text or number; 0, which nothing has, for anything else."""
    text = str(value)
    return int(text) if text.isdecimal() and len(text) <= 20 else 0
