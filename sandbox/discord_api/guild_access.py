"""What every operation on a guild asks first, and the audit log that tells of it afterwards.

Sources: docs.discord.com, developers/topics/permissions ("Permission Hierarchy"), developers/resources/audit-log.
"""

from __future__ import annotations

from sandbox.discord_api.model import Guild, Member, Role
from sandbox.discord_api.permissions import Permission, guild_permissions, highest_role
from sandbox.discord_api.routing import Call
from sandbox.discord_api.wire import JSON, refuse
from sandbox.discord_api.world import WorldEvent


def guild_of(call: Call, *needed: Permission) -> Guild:
    """The guild of the path. Raises 10004, 50001 when the bot is no member, 50013 without a permission."""
    guild = call.world.guild(call.id("guild_id"))
    bot = call.world.bot.id
    if bot not in guild.members:
        raise refuse(50001)
    have = guild_permissions(guild, bot)
    if any(not have & permission for permission in needed):
        raise refuse(50013)
    return guild


def member_of(call: Call, guild: Guild) -> Member:
    """The member of the path. Raises 10013 and 10007."""
    user = call.world.user(call.id("user_id"))
    if user.id not in guild.members:
        raise refuse(10007)
    return guild.members[user.id]


def role_of(call: Call, guild: Guild) -> Role:
    """The role of the path. Raises 10011."""
    role = guild.roles.get(call.id("role_id"))
    if role is None:
        raise refuse(10011)
    return role


def need_rank_over(call: Call, guild: Guild, user_id: int) -> None:
    """Raises 50013 unless the bot's highest role is above the person's."""
    if highest_role(guild, call.world.bot.id) <= highest_role(guild, user_id):
        raise refuse(50013)


def need_rank_over_role(call: Call, guild: Guild, role: Role) -> None:
    """Raises 50013 unless the bot's highest role is above this one."""
    if highest_role(guild, call.world.bot.id) <= role.position:
        raise refuse(50013)


def record(call: Call, guild: Guild, action: int, target: int | None, options: JSON | None = None) -> None:
    """Write an entry of the audit log and tell of it."""
    entry: JSON = {
        "id": str(call.world.ids.next()),
        "action_type": action,
        "user_id": str(call.world.bot.id),
        "target_id": str(target) if target is not None else None,
        "changes": [],
    }
    if options:
        entry["options"] = options
    if call.reason:
        entry["reason"] = call.reason[:512]
    guild.audit_log.append(entry)
    call.world.emit(WorldEvent("GUILD_AUDIT_LOG_ENTRY_CREATE", entry | {"guild_id": str(guild.id)}, guild.id))
