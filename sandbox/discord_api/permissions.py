"""What a member may do in a channel.

The algorithm and the bits: docs.discord.com, developers/topics/permissions.
"""

from __future__ import annotations

from enum import IntEnum

from sandbox.discord_api.model import Channel, Guild


class Permission(IntEnum):
    """The bits this double knows how to enforce, and the ones its default roles carry.

    Not an ``IntFlag``: sets of permissions are plain numbers, because each of its operations costs microseconds
    and one act of a person takes hundreds of them.
    """

    CREATE_INSTANT_INVITE = 1 << 0
    KICK_MEMBERS = 1 << 1
    BAN_MEMBERS = 1 << 2
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_AUDIT_LOG = 1 << 7
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    MUTE_MEMBERS = 1 << 22
    DEAFEN_MEMBERS = 1 << 23
    CHANGE_NICKNAME = 1 << 26
    MANAGE_NICKNAMES = 1 << 27
    MANAGE_ROLES = 1 << 28
    MANAGE_WEBHOOKS = 1 << 29
    MANAGE_GUILD_EXPRESSIONS = 1 << 30
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_EVENTS = 1 << 33
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    SEND_MESSAGES_IN_THREADS = 1 << 38
    MODERATE_MEMBERS = 1 << 40
    SEND_POLLS = 1 << 49
    PIN_MESSAGES = 1 << 51


ALL = (1 << 53) - 1

EVERYONE = (
    Permission.ADD_REACTIONS
    | Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.USE_EXTERNAL_EMOJIS
    | Permission.USE_APPLICATION_COMMANDS
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.CREATE_INSTANT_INVITE
    | Permission.CHANGE_NICKNAME
    | Permission.SEND_POLLS
    | Permission.SEND_MESSAGES_IN_THREADS
)
"""What @everyone may do in the default guilds."""

BOT = EVERYONE | Permission.MANAGE_MESSAGES | Permission.MANAGE_THREADS | Permission.PIN_MESSAGES
"""What the bot's own role adds: it does not include mentioning everyone."""

DM = EVERYONE | Permission.MENTION_EVERYONE | Permission.PIN_MESSAGES
"""What both sides may do in a direct message."""


TIMED_OUT = int(Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY)
"""What is left to a member who is timed out (resources/guild, ``communication_disabled_until``)."""


def highest_role(guild: Guild, user_id: int) -> int:
    """The position of a member's highest role; the owner is above all."""
    if user_id == guild.owner_id:
        return 1 << 30
    member = guild.members.get(user_id)
    return max((guild.roles[i].position for i in member.roles), default=0) if member is not None else -1


def guild_permissions(guild: Guild, user_id: int) -> int:
    """The member's permissions before any channel's exceptions; 0 for someone who is not a member."""
    if user_id == guild.owner_id:
        return ALL
    member = guild.members.get(user_id)
    if member is None:
        return 0
    value = guild.roles[guild.id].permissions
    for role_id in member.roles:
        value |= guild.roles[role_id].permissions
    return ALL if value & Permission.ADMINISTRATOR else value


def channel_permissions(guild: Guild, channel: Channel, user_id: int) -> int:
    """The member's permissions in a channel (for a thread pass its parent channel)."""
    value = guild_permissions(guild, user_id)
    if value & Permission.ADMINISTRATOR or user_id not in guild.members:
        return value
    roles = set(guild.members[user_id].roles)
    by_id = {overwrite.id: overwrite for overwrite in channel.overwrites}
    if (everyone := by_id.get(guild.id)) is not None:
        value = value & ~everyone.deny | everyone.allow
    allow = deny = 0
    for overwrite in channel.overwrites:
        if overwrite.type == 0 and overwrite.id in roles:
            allow |= overwrite.allow
            deny |= overwrite.deny
    value = value & ~deny | allow
    if (own := by_id.get(user_id)) is not None:
        value = value & ~own.deny | own.allow
    return value if value & Permission.VIEW_CHANNEL else 0
