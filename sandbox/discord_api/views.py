"""What one person sees of the world: the snapshot and the increments of the web page's live connection."""

from __future__ import annotations

from sandbox.discord_api import payloads
from sandbox.discord_api.client_rules import integration_setting
from sandbox.discord_api.model import Channel, Guild, Message, User
from sandbox.discord_api.wire import JSON
from sandbox.discord_api.world import World, WorldEvent

_NAMES = {
    "MESSAGE_CREATE": "message_create",
    "MESSAGE_UPDATE": "message_update",
    "MESSAGE_DELETE": "message_delete",
    "MESSAGE_REACTION_ADD": "message_update",
    "MESSAGE_REACTION_REMOVE": "message_update",
    "TYPING_START": "typing",
    "CHANNEL_CREATE": "channel_create",
    "CHANNEL_UPDATE": "channel_update",
    "CHANNEL_DELETE": "channel_delete",
    "THREAD_CREATE": "channel_create",
    "THREAD_UPDATE": "channel_update",
    "THREAD_DELETE": "channel_delete",
}


def person(world: World, user: User) -> JSON:
    """A person as the page shows them."""
    guilds = world.guilds_of(user.id)
    return {
        "id": str(user.id),
        "username": user.username,
        "global_name": user.global_name,
        "avatar_color": user.avatar_color,
        "is_default": user.is_default,
        "role_ids": [str(role_id) for guild in guilds for role_id in guild.members[user.id].roles],
        "kind": user.kind,
        "locale": user.locale,
        "member_of": [str(guild.id) for guild in guilds],
    }


def people(world: World) -> list[JSON]:
    """Everyone but the bot."""
    return [person(world, user) for user in world.users.values() if not user.bot]


def snapshot(world: World, me: User, presence: JSON, latency: float) -> JSON:
    """All that ``me`` sees at this moment."""
    seen = [c for c in world.channels.values() if world.can_see(me.id, c)]
    return {
        "me": person(world, me),
        "people": people(world),
        "bot": bot(world, presence),
        "guilds": [_guild(world, guild, me) for guild in world.guilds_of(me.id)],
        "dms": [payloads.channel(c) for c in seen if c.guild_id is None],
        "messages": {str(c.id): _messages(world, c, me) for c in seen},
        "commands": [command.payload for command in world.commands],
        "limits": {"latency": latency},
    }


def bot(world: World, presence: JSON) -> JSON:
    """The bot's account and presence."""
    return {"id": str(world.bot.id), "username": world.bot.username, **presence}


def _messages(world: World, channel: Channel, me: User) -> list[JSON]:
    return [_seen_by(me, m, world.message_payload(m)) for m in world.messages_in(channel.id) if _reads(me, m)]


def _reads(me: User, message: Message) -> bool:
    return message.ephemeral_for in (None, me.id)


def _seen_by(me: User, message: Message, payload: JSON) -> JSON:
    """The message with the reader's own reactions marked."""
    if not message.reactions:
        return payload
    marked = [
        {**reaction, "me": me.id in users}
        for reaction, users in zip(payload["reactions"], message.reactions.values(), strict=True)
    ]
    return {**payload, "reactions": marked}


def _guild(world: World, guild: Guild, me: User) -> JSON:
    channels = [c for c in world.channels_of(guild.id) if world.can_see(me.id, c)]
    return {
        "id": str(guild.id),
        "name": guild.name,
        "owner_id": str(guild.owner_id),
        "roles": [
            {"id": str(r.id), "name": r.name, "color": r.color, "position": r.position}
            for r in guild.roles.values()
        ],
        "channels": [payloads.channel(c) for c in channels],
        "members": _members(guild),
        "granted": {one.command: integration_setting(guild, one.command, me) for one in guild.command_permissions},
    }


def _members(guild: Guild) -> list[JSON]:
    return [
        {"user": payloads.user(m.user), "nick": m.nick, "roles": [str(i) for i in m.roles]}
        for m in guild.members.values()
    ]


def increment(world: World, me: User, event: WorldEvent) -> JSON | None:
    """The event as ``me`` is told of it; ``None`` when it is none of their business."""
    if event.user_id is not None and event.user_id != me.id:
        return None
    if event.channel_id is not None:
        channel = world.channels.get(event.channel_id)
        if channel is not None and not world.can_see(me.id, channel):
            return None
    if event.name in ("interaction", "modal"):
        return {"t": event.name, "d": event.data}
    if event.name == "commands":
        return {"t": "commands", "d": event.data["commands"]}
    if event.name == "people":
        return {"t": "people", "d": {"people": people(world), "guild_id": None, "members": []}}
    if event.name == "bot":
        return {"t": "bot", "d": bot(world, event.data)}
    if event.name.startswith("GUILD_MEMBER_") and event.guild_id in world.guilds:
        guild = world.guilds[event.guild_id]
        return {
            "t": "people",
            "d": {"people": people(world), "guild_id": str(guild.id), "members": _members(guild)},
        }
    name = _NAMES.get(event.name)
    if name is None:
        return None
    return {"t": name, "d": _data(world, me, event)}


def _data(world: World, me: User, event: WorldEvent) -> JSON:
    message = event.message
    if message is None or event.name == "MESSAGE_DELETE":
        return event.data
    if event.name.startswith("MESSAGE_REACTION_"):
        return _seen_by(me, message, world.message_payload(message))
    return _seen_by(me, message, event.data) if "reactions" in event.data else event.data
