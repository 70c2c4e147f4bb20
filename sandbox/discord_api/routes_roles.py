"""REST: roles.

Source: docs.discord.com, developers/resources/guild and developers/topics/permissions.
"""

from __future__ import annotations

from sandbox.discord_api import payloads
from sandbox.discord_api.guild_access import guild_of, need_rank_over_role, record, role_of
from sandbox.discord_api.model import Guild, Role
from sandbox.discord_api.permissions import EVERYONE, Permission, guild_permissions, highest_role
from sandbox.discord_api.routing import Call, Reply, Router
from sandbox.discord_api.shapes import Flag, Id, Integer, Record, Text
from sandbox.discord_api.wire import JSON, refuse
from sandbox.discord_api.world import WorldEvent

router = Router()
_ROLES = "/guilds/{guild_id}/roles"
_CREATE, _UPDATE, _DELETE = 30, 31, 32
_COLOR = Integer(low=0, high=0xFFFFFF, null=True)
_BODY = {
    "name": Text(high=100, null=True),
    "permissions": Integer(low=0, high=2**63, null=True),
    "color": _COLOR,
    "colors": Record(fields={"primary_color": _COLOR}, null=True),
    "hoist": Flag(null=True),
    "mentionable": Flag(null=True),
}


@router.on("GET", _ROLES, major="guild_id")
def get_roles(call: Call) -> Reply:
    """The roles of a guild."""
    return Reply([payloads.role(r) for r in guild_of(call).roles.values()])


@router.on("GET", f"{_ROLES}/{{role_id}}", major="guild_id")
def get_role(call: Call) -> Reply:
    """One role."""
    return Reply(payloads.role(role_of(call, guild_of(call))))


@router.on("GET", f"{_ROLES}/member-counts", major="guild_id")
def member_counts(call: Call) -> Reply:
    """How many members have each role."""
    guild = guild_of(call)
    held = [role_id for member in guild.members.values() for role_id in member.roles]
    return Reply({str(role_id): held.count(role_id) for role_id in guild.roles if role_id != guild.id})


@router.on("POST", _ROLES, major="guild_id", body=_BODY)
def create_role(call: Call) -> Reply:
    """A new role, the lowest but @everyone."""
    guild = guild_of(call, Permission.MANAGE_ROLES)
    role = Role(call.world.ids.next(), "new role", int(EVERYONE))
    _apply(call, guild, role, call.form.body)
    guild.roles[role.id] = role
    _told(call, guild, role, "GUILD_ROLE_CREATE", _CREATE)
    return Reply(payloads.role(role))


@router.on("PATCH", f"{_ROLES}/{{role_id}}", major="guild_id", body=_BODY)
def edit_role(call: Call) -> Reply:
    """Change a role below the bot's own."""
    guild = guild_of(call, Permission.MANAGE_ROLES)
    role = role_of(call, guild)
    need_rank_over_role(call, guild, role)
    _apply(call, guild, role, call.form.body)
    _told(call, guild, role, "GUILD_ROLE_UPDATE", _UPDATE)
    return Reply(payloads.role(role))


@router.on(
    "PATCH",
    _ROLES,
    major="guild_id",
    listed=Record(fields={"id": Id(required=True), "position": Integer(low=0, high=1 << 20, null=True)}),
)
def move_roles(call: Call) -> Reply:
    """New positions, all below the bot's highest role."""
    guild = guild_of(call, Permission.MANAGE_ROLES)
    own = highest_role(guild, call.world.bot.id)
    for one in call.listed:
        role = guild.roles.get(one["id"])
        if role is None:
            raise refuse(10011)
        need_rank_over_role(call, guild, role)
        if (one.get("position") or 0) >= own:
            raise refuse(50013)
    for one in call.listed:
        role = guild.roles[one["id"]]
        role.position = one.get("position") or role.position
        _told(call, guild, role, "GUILD_ROLE_UPDATE", _UPDATE)
    return Reply([payloads.role(r) for r in guild.roles.values()])


@router.on("DELETE", f"{_ROLES}/{{role_id}}", major="guild_id")
def delete_role(call: Call) -> Reply:
    """Delete a role; members and channels lose it."""
    guild = guild_of(call, Permission.MANAGE_ROLES)
    role = role_of(call, guild)
    need_rank_over_role(call, guild, role)
    if role.id == guild.id or role.managed:
        raise refuse(50013)
    del guild.roles[role.id]
    for member in guild.members.values():
        member.roles = [i for i in member.roles if i != role.id]
    for channel in call.world.channels_of(guild.id):
        channel.overwrites = [o for o in channel.overwrites if o.id != role.id]
    data: JSON = {"guild_id": str(guild.id), "role_id": str(role.id)}
    call.world.emit(WorldEvent("GUILD_ROLE_DELETE", data, guild.id))
    record(call, guild, _DELETE, role.id)
    return Reply(status=204)


def _apply(call: Call, guild: Guild, role: Role, body: JSON) -> None:
    wanted = body.get("permissions")
    if wanted is not None:
        if wanted & ~guild_permissions(guild, call.world.bot.id) & ~role.permissions:
            raise refuse(50013)  # nobody gives what they do not have
        role.permissions = wanted
    color = (body.get("colors") or {}).get("primary_color", body.get("color"))
    role.color = role.color if color is None else color
    role.name = body.get("name") or role.name
    role.hoist = bool(role.hoist if body.get("hoist") is None else body["hoist"])
    role.mentionable = bool(role.mentionable if body.get("mentionable") is None else body["mentionable"])


def _told(call: Call, guild: Guild, role: Role, name: str, action: int) -> None:
    data: JSON = {"guild_id": str(guild.id), "role": payloads.role(role)}
    call.world.emit(WorldEvent(name, data, guild.id))
    record(call, guild, action, role.id)
