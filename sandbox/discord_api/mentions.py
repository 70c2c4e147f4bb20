"""Who a text mentions, and who is notified of it.

Source: docs.discord.com, developers/resources/message, "Allowed Mentions Object": without the object
everything in the text is parsed; an edit parses again, and never notifies anyone.
"""

from __future__ import annotations

import re

from sandbox.discord_api.model import Channel, Mentions, Message, MessageFlag
from sandbox.discord_api.permissions import Permission
from sandbox.discord_api.wire import JSON, form_error
from sandbox.discord_api.world import World

_USER = re.compile(r"<@!?(\d{15,21})>")
_ROLE = re.compile(r"<@&(\d{15,21})>")
_EVERYONE = re.compile(r"@(everyone|here)\b")
_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


def validate(allowed: JSON | None) -> None:
    """Raises 50035 for an ``allowed_mentions`` that contradicts itself."""
    if not allowed:
        return
    parse = allowed.get("parse") or []
    for index, kind in enumerate(parse):
        if kind not in ("users", "roles", "everyone"):
            choices = "('everyone', 'roles', 'users')"
            raise form_error(
                f"allowed_mentions.parse.{index}", "BASE_TYPE_CHOICES", f"Value must be one of {choices}."
            )
    for kind in ("users", "roles"):
        if allowed.get(kind) and kind in parse:
            raise form_error(
                "allowed_mentions",
                "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.',
            )
        if len(allowed.get(kind) or []) > 100:
            raise form_error(f"allowed_mentions.{kind}", "BASE_TYPE_MAX_LENGTH", "Must be 100 or fewer in length.")


def parse(world: World, message: Message, allowed: JSON | None) -> Mentions:
    """What the message's present text mentions under ``allowed`` (``None``: the defaults)."""
    channel = world.channels[message.channel_id]
    text = _CODE.sub("", message.text)
    found = Mentions(
        users=[i for i in _ids(_USER, text) if i in world.users and _allows(allowed, "users", i)],
        roles=_roles(world, message, channel, text, allowed),
        everyone=_everyone(world, message, channel, text, allowed),
    )
    target = message.referenced
    if target is not None and target.author.id not in found.users and _pings_reply(message, allowed):
        found.users.append(target.author.id)
    return found


def notified(world: World, message: Message) -> frozenset[int]:
    """The ids of those whose phones ring because of this *new* message."""
    if message.flags & MessageFlag.SUPPRESS_NOTIFICATIONS:
        return frozenset()
    channel = world.channels[message.channel_id]
    if channel.guild_id is None or message.mentions.everyone:
        rung = world.viewers(channel)
    else:
        members = world.guilds[channel.guild_id].members
        wanted = set(message.mentions.roles)
        rung = {user_id for user_id in message.mentions.users if user_id in members}
        if wanted:
            rung |= {user_id for user_id, member in members.items() if not wanted.isdisjoint(member.roles)}
        rung = {user_id for user_id in rung if world.can_see(user_id, channel)}
    if message.ephemeral_for is not None:
        rung &= {message.ephemeral_for}
    return frozenset(rung - {message.author.id})


def _ids(pattern: re.Pattern[str], text: str) -> list[int]:
    return list(dict.fromkeys(int(number) for number in pattern.findall(text)))


def _allows(allowed: JSON | None, kind: str, snowflake: int) -> bool:
    if allowed is None or kind in (allowed.get("parse") or []):
        return True
    return str(snowflake) in {str(i) for i in allowed.get(kind) or []}


def _pings_reply(message: Message, allowed: JSON | None) -> bool:
    if message.interaction_id is not None:
        return False
    return True if allowed is None else bool(allowed.get("replied_user", False))


def _roles(world: World, message: Message, channel: Channel, text: str, allowed: JSON | None) -> list[int]:
    if channel.guild_id is None:
        return []
    guild = world.guilds[channel.guild_id]
    may = bool(world.permissions(message.author.id, channel) & Permission.MENTION_EVERYONE)
    return [
        i
        for i in _ids(_ROLE, text)
        if i in guild.roles and (may or guild.roles[i].mentionable) and _allows(allowed, "roles", i)
    ]


def _everyone(world: World, message: Message, channel: Channel, text: str, allowed: JSON | None) -> bool:
    if channel.guild_id is None or not _EVERYONE.search(text):
        return False
    if allowed is not None and "everyone" not in (allowed.get("parse") or []):
        return False
    return bool(world.permissions(message.author.id, channel) & Permission.MENTION_EVERYONE)
