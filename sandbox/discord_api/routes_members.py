"""REST: members, their roles, kicks, bans and time-outs.

Source: docs.discord.com, developers/resources/guild.
"""

from __future__ import annotations

from typing import Any

from sandbox.discord_api import payloads
from sandbox.discord_api.guild_access import (
    guild_of,
    member_of,
    need_rank_over,
    need_rank_over_role,
    record,
    role_of,
)
from sandbox.discord_api.model import Guild, Member
from sandbox.discord_api.permissions import Permission, highest_role
from sandbox.discord_api.routing import Call, Reply, Router
from sandbox.discord_api.shapes import Flag, Id, Integer, Listed, Moment, Text
from sandbox.discord_api.wire import form_error, refuse
from sandbox.discord_api.world import WorldEvent

router = Router()
_MEMBERS = "/guilds/{guild_id}/members"
_BANS = "/guilds/{guild_id}/bans"
_KICK, _BAN, _UNBAN, _MEMBER, _ROLES = 20, 22, 23, 24, 25
_LONGEST_TIMEOUT = 28 * 86_400
_PAGE = {"limit": Integer(low=1, high=1000), "after": Id()}
_BAN_BODY = {
    "delete_message_seconds": Integer(low=0, high=604_800, null=True),
    "delete_message_days": Integer(low=0, high=7, null=True),
}


@router.on("GET", _MEMBERS, major="guild_id", query=_PAGE)
def list_members(call: Call) -> Reply:
    """Members by their ids; needs the intent for members."""
    guild = guild_of(call)
    if not call.world.privileged_intents & 1 << 1:
        raise refuse(50001)
    after, limit = call.query.get("after", 0), call.query.get("limit", 1)
    found = sorted((m for m in guild.members.values() if m.user.id > after), key=lambda m: m.user.id)
    return Reply([payloads.member(m) for m in found[:limit]])


@router.on(
    "GET",
    f"{_MEMBERS}/search",
    major="guild_id",
    query={"query": Text(required=True, low=1, high=100), "limit": Integer(low=1, high=1000)},
)
def search_members(call: Call) -> Reply:
    """Members whose name or nickname begins so."""
    guild, query = guild_of(call), call.query["query"].lower()
    found = [m for m in guild.members.values() if m.called(query)]
    return Reply([payloads.member(m) for m in found[: call.query.get("limit", 1)]])


def changed(call: Call, guild: Guild, member: Member) -> Reply:
    """Tell of a changed member and answer with it."""
    data = payloads.member(member)
    call.world.emit(WorldEvent("GUILD_MEMBER_UPDATE", data | {"guild_id": str(guild.id)}, guild.id))
    return Reply(data)


_EDIT = {
    "nick": Text(high=32, null=True),
    "roles": Listed(of=Id(), null=True),
    "mute": Flag(null=True),
    "deaf": Flag(null=True),
    "communication_disabled_until": Moment(null=True),
    "flags": Integer(null=True),
}
_NEEDS = {
    "nick": Permission.MANAGE_NICKNAMES,
    "roles": Permission.MANAGE_ROLES,
    "mute": Permission.MUTE_MEMBERS,
    "deaf": Permission.DEAFEN_MEMBERS,
    "communication_disabled_until": Permission.MODERATE_MEMBERS,
}


@router.on("PATCH", f"{_MEMBERS}/{{user_id}}", major="guild_id", body=_EDIT)
def edit_member(call: Call) -> Reply:
    """Nickname, roles, time-out; each needs its permission, and a rank above the member's."""
    body = call.form.body
    guild = guild_of(call, *(permission for name, permission in _NEEDS.items() if name in body))
    member = member_of(call, guild)
    if member.user is not call.world.bot:
        need_rank_over(call, guild, member.user.id)
    if "channel_id" in body:
        raise form_error("channel_id", "TARGET_USER_NOT_IN_VOICE", "Target user is not connected to voice.")
    if "roles" in body:
        _set_roles(call, guild, member, body["roles"] or [])
    if "nick" in body:
        member.nick = body["nick"] or None
    if "communication_disabled_until" in body:
        _time_out(call, guild, member, body["communication_disabled_until"])
    member.mute, member.deaf = bool(body.get("mute", member.mute)), bool(body.get("deaf", member.deaf))
    record(call, guild, _ROLES if "roles" in body else _MEMBER, member.user.id)
    return changed(call, guild, member)


def _set_roles(call: Call, guild: Guild, member: Member, wanted: list[Any]) -> None:
    for role_id in set(wanted) ^ set(member.roles):
        if role_id not in guild.roles or role_id == guild.id:
            raise refuse(10011)
        need_rank_over_role(call, guild, guild.roles[role_id])
    member.roles = list(dict.fromkeys(wanted))


def _time_out(call: Call, guild: Guild, member: Member, until: float | None) -> None:
    if until is not None and until > call.world.clock.now() + _LONGEST_TIMEOUT:
        raise form_error("communication_disabled_until", "BASE_TYPE_MAX", "Must be at most 28 days from now.")
    if member.user.id == guild.owner_id:
        raise refuse(50013)
    member.timeout_until = until


@router.on("PATCH", f"{_MEMBERS}/@me", major="guild_id", body={"nick": Text(high=32, null=True)})
def edit_myself(call: Call) -> Reply:
    """The bot's own nickname."""
    guild = guild_of(call, Permission.CHANGE_NICKNAME)
    member = guild.members[call.world.bot.id]
    if "nick" in call.form.body:
        member.nick = call.form.body["nick"] or None
    return changed(call, guild, member)


@router.on("PUT", f"{_MEMBERS}/{{user_id}}/roles/{{role_id}}", major="guild_id")
def give_role(call: Call) -> Reply:
    """Give a member a role below the bot's own."""
    return _one_role(call, given=True)


@router.on("DELETE", f"{_MEMBERS}/{{user_id}}/roles/{{role_id}}", major="guild_id")
def take_role(call: Call) -> Reply:
    """Take a role away."""
    return _one_role(call, given=False)


def _one_role(call: Call, *, given: bool) -> Reply:
    guild = guild_of(call, Permission.MANAGE_ROLES)
    member, role = member_of(call, guild), role_of(call, guild)
    need_rank_over_role(call, guild, role)
    if role.id == guild.id or role.managed:
        raise refuse(50013)
    if given is not (role.id in member.roles):
        member.roles = [*member.roles, role.id] if given else [i for i in member.roles if i != role.id]
        record(call, guild, _ROLES, member.user.id)
        changed(call, guild, member)
    return Reply(status=204)


@router.on("DELETE", f"{_MEMBERS}/{{user_id}}", major="guild_id")
def kick(call: Call) -> Reply:
    """Kick a member."""
    guild = guild_of(call, Permission.KICK_MEMBERS)
    member = member_of(call, guild)
    need_rank_over(call, guild, member.user.id)
    call.world.remove_member(guild, member.user)
    record(call, guild, _KICK, member.user.id)
    return Reply(status=204)


# -- bans --------------------------------------------------------------------------------------------------


@router.on(
    "GET",
    _BANS,
    major="guild_id",
    query={"limit": Integer(low=1, high=1000), "before": Id(), "after": Id()},
)
def list_bans(call: Call) -> Reply:
    """Bans by the ids of the banned."""
    guild = guild_of(call, Permission.BAN_MEMBERS)
    low, high = call.query.get("after", 0), call.query.get("before", 1 << 64)
    found = [user_id for user_id in sorted(guild.bans) if low < user_id < high]
    return Reply([_ban(call, guild, user_id) for user_id in found[: call.query.get("limit", 1000)]])


@router.on("GET", f"{_BANS}/{{user_id}}", major="guild_id")
def get_ban(call: Call) -> Reply:
    """One ban."""
    guild = guild_of(call, Permission.BAN_MEMBERS)
    if call.id("user_id") not in guild.bans:
        raise refuse(10026)
    return Reply(_ban(call, guild, call.id("user_id")))


def _ban(call: Call, guild: Guild, user_id: int) -> dict[str, Any]:
    return {"user": payloads.user(call.world.users[user_id]), "reason": guild.bans[user_id]}


@router.on("PUT", f"{_BANS}/{{user_id}}", major="guild_id", body=_BAN_BODY)
def ban(call: Call) -> Reply:
    """Ban somebody, a member or not, and delete what they wrote lately."""
    guild = guild_of(call, Permission.BAN_MEMBERS)
    user = call.world.user(call.id("user_id"))
    _ban_one(call, guild, user.id)
    return Reply(status=204)


def _ban_one(call: Call, guild: Guild, user_id: int) -> None:
    need_rank_over(call, guild, user_id)
    user, body = call.world.users[user_id], call.form.body
    guild.bans[user_id] = call.reason
    seconds = (body.get("delete_message_seconds") or 0) + 86_400 * (body.get("delete_message_days") or 0)
    since = call.world.clock.now() - seconds
    for message in list(call.world.messages.values()):
        if seconds and message.author is user and message.guild_id == guild.id and message.created_at >= since:
            call.world.delete_message(message)
    if user_id in guild.members:
        call.world.remove_member(guild, user)
    data = {"guild_id": str(guild.id), "user": payloads.user(user)}
    call.world.emit(WorldEvent("GUILD_BAN_ADD", data, guild.id))
    record(call, guild, _BAN, user_id)


@router.on("DELETE", f"{_BANS}/{{user_id}}", major="guild_id")
def unban(call: Call) -> Reply:
    """Lift a ban."""
    guild = guild_of(call, Permission.BAN_MEMBERS)
    user_id = call.id("user_id")
    if user_id not in guild.bans:
        raise refuse(10026)
    del guild.bans[user_id]
    data = {"guild_id": str(guild.id), "user": payloads.user(call.world.users[user_id])}
    call.world.emit(WorldEvent("GUILD_BAN_REMOVE", data, guild.id))
    record(call, guild, _UNBAN, user_id)
    return Reply(status=204)


@router.on(
    "POST",
    "/guilds/{guild_id}/bulk-ban",
    major="guild_id",
    body={"user_ids": Listed(of=Id(), low=1, high=200, required=True), **_BAN_BODY},
)
def bulk_ban(call: Call) -> Reply:
    """Ban many; those above the bot, and those who are banned already, are told as failed."""
    guild = guild_of(call, Permission.BAN_MEMBERS, Permission.MANAGE_GUILD)
    banned, failed = [], []
    for user_id in call.form.body["user_ids"]:
        known = user_id in call.world.users and user_id not in guild.bans
        if known and highest_role(guild, call.world.bot.id) > highest_role(guild, user_id):
            _ban_one(call, guild, user_id)
            banned.append(str(user_id))
        else:
            failed.append(str(user_id))
    return Reply({"banned_users": banned, "failed_users": failed})
