"""REST: making and changing channels, their overwrites, invites and archived threads.

Source: docs.discord.com, developers/resources/channel and developers/resources/invite.
"""

from __future__ import annotations

import secrets

from sandbox.discord_api import messages, payloads
from sandbox.discord_api.guild_access import guild_of, record
from sandbox.discord_api.model import Channel, ChannelType, Guild, Overwrite
from sandbox.discord_api.permissions import Permission
from sandbox.discord_api.routing import Call, Reply, Router
from sandbox.discord_api.shapes import Choice, Flag, Id, Integer, Listed, Moment, Record, Text
from sandbox.discord_api.wire import JSON, form_error, iso, refuse
from sandbox.discord_api.world import WorldEvent

router = Router()
_CHANNEL = "/channels/{channel_id}"
_CREATE, _OVERWRITE, _OVERWRITE_GONE, _INVITE = 10, 13, 15, 40
_OVERWRITE_BODY = {
    "type": Choice(among=(0, 1), required=True),
    "allow": Integer(low=0, high=2**63, null=True),
    "deny": Integer(low=0, high=2**63, null=True),
}
CHANNEL = {
    "name": Text(low=1, high=100),
    "topic": Text(high=1024, null=True),
    "nsfw": Flag(null=True),
    "position": Integer(low=0, high=1 << 20, null=True),
    "parent_id": Id(null=True),
    "rate_limit_per_user": Integer(low=0, high=21_600, null=True),
    "permission_overwrites": Listed(of=Record(fields={"id": Id(required=True), **_OVERWRITE_BODY}), null=True),
}
_MADE = (ChannelType.TEXT, ChannelType.VOICE, ChannelType.CATEGORY, ChannelType.ANNOUNCEMENT)


def seen(call: Call) -> Channel:
    """The channel of the path. Raises 10003, and 50001 when the bot does not see it."""
    channel = call.world.channel(call.id("channel_id"))
    if not call.world.can_see(call.world.bot.id, channel):
        raise refuse(50001)
    return channel


def managed(call: Call, permission: Permission) -> tuple[Guild, Channel]:
    """A channel of a guild in which the bot has the permission. Raises 50003 for a direct message."""
    channel = seen(call)
    if channel.guild_id is None:
        raise refuse(50003)
    messages.need(call.world, call.world.bot, channel, permission)
    return call.world.guilds[channel.guild_id], channel


@router.on("GET", "/guilds/{guild_id}/channels", major="guild_id")
def get_channels(call: Call) -> Reply:
    """The channels of a guild that the bot sees, without threads."""
    guild = guild_of(call)
    found = [c for c in call.world.channels_of(guild.id) if call.world.can_see(call.world.bot.id, c)]
    return Reply([payloads.channel(c) for c in found if not c.is_thread])


@router.on(
    "POST",
    "/guilds/{guild_id}/channels",
    major="guild_id",
    body={**CHANNEL, "name": Text(low=1, high=100, required=True), "type": Choice(among=_MADE, null=True)},
)
def create_channel(call: Call) -> Reply:
    """A new text or voice channel, or a category."""
    guild, body = guild_of(call, Permission.MANAGE_CHANNELS), call.form.body
    kind = body.get("type") or ChannelType.TEXT
    channel = Channel(call.world.ids.next(), kind, guild_id=guild.id)
    channel.position = 1 + max((c.position for c in call.world.channels_of(guild.id)), default=0)
    apply(call, channel, body)
    call.world.add_channel(channel)
    record(call, guild, _CREATE, channel.id)
    return Reply(payloads.channel(channel), 201)


@router.on(
    "PATCH",
    "/guilds/{guild_id}/channels",
    major="guild_id",
    listed=Record(
        fields={
            "id": Id(required=True),
            "position": Integer(low=0, high=1 << 20, null=True),
            "parent_id": Id(null=True),
        }
    ),
)
def move_channels(call: Call) -> Reply:
    """New positions."""
    guild = guild_of(call, Permission.MANAGE_CHANNELS)
    found = [call.world.channel(one["id"]) for one in call.listed]
    if any(channel.guild_id != guild.id or channel.is_thread for channel in found):
        raise refuse(10003)
    for channel, one in zip(found, call.listed, strict=True):
        wanted: JSON = {key: one[key] for key in ("position", "parent_id") if key in one}
        apply(call, channel, wanted)
        call.world.channel_changed(channel)
    return Reply(status=204)


def apply(call: Call, channel: Channel, body: JSON) -> None:
    """Give a guild's channel what the body says of it. Raises 50035 for a parent that is no category."""
    if "parent_id" in body and body["parent_id"] is not None:
        parent = call.world.channels.get(body["parent_id"])
        if parent is None or parent.guild_id != channel.guild_id or parent.type != ChannelType.CATEGORY:
            raise form_error("parent_id", "CHANNEL_PARENT_INVALID", "Category does not exist")
    if "name" in body:
        written = channel.type in (ChannelType.TEXT, ChannelType.ANNOUNCEMENT)
        channel.name = body["name"].lower().replace(" ", "-") if written else body["name"]
    channel.topic = body.get("topic", channel.topic)
    channel.nsfw = bool(body.get("nsfw", channel.nsfw))
    channel.parent_id = body.get("parent_id", channel.parent_id)
    channel.position = channel.position if body.get("position") is None else body["position"]
    channel.rate_limit_per_user = body.get("rate_limit_per_user", channel.rate_limit_per_user) or 0
    if "permission_overwrites" in body:
        given = body["permission_overwrites"] or []
        channel.overwrites = [_overwrite(one["id"], one) for one in given]


def _overwrite(target: int, body: JSON) -> Overwrite:
    return Overwrite(target, body["type"], body.get("allow") or 0, body.get("deny") or 0)


@router.on("PUT", f"{_CHANNEL}/permissions/{{overwrite_id}}", major="channel_id", body=_OVERWRITE_BODY)
def put_overwrite(call: Call) -> Reply:
    """An exception for a role or a member; nobody gives or denies what they may not do themselves."""
    guild, channel = managed(call, Permission.MANAGE_ROLES)
    target, body = call.id("overwrite_id"), call.form.body
    if target not in (guild.members if body["type"] else guild.roles):
        raise refuse(10007 if body["type"] else 10011)
    made = _overwrite(target, body)
    if (made.allow | made.deny) & ~call.world.permissions(call.world.bot.id, channel):
        raise refuse(50013)
    channel.overwrites = [*(o for o in channel.overwrites if o.id != target), made]
    call.world.channel_changed(channel)
    record(call, guild, _OVERWRITE, channel.id, {"id": str(target), "type": str(made.type)})
    return Reply(status=204)


@router.on("DELETE", f"{_CHANNEL}/permissions/{{overwrite_id}}", major="channel_id")
def delete_overwrite(call: Call) -> Reply:
    """Take an exception away."""
    guild, channel = managed(call, Permission.MANAGE_ROLES)
    target = call.id("overwrite_id")
    if all(o.id != target for o in channel.overwrites):
        raise refuse(10009)
    channel.overwrites = [o for o in channel.overwrites if o.id != target]
    call.world.channel_changed(channel)
    record(call, guild, _OVERWRITE_GONE, channel.id, {"id": str(target)})
    return Reply(status=204)


# -- invites -----------------------------------------------------------------------------------------------


@router.on("GET", f"{_CHANNEL}/invites", major="channel_id")
def channel_invites(call: Call) -> Reply:
    """The invites of a channel."""
    _, channel = managed(call, Permission.MANAGE_CHANNELS)
    return Reply([i for i in call.world.invites.values() if i["channel"]["id"] == str(channel.id)])


@router.on(
    "POST",
    f"{_CHANNEL}/invites",
    major="channel_id",
    body={
        "max_age": Integer(low=0, high=604_800, null=True),
        "max_uses": Integer(low=0, high=100, null=True),
        "temporary": Flag(null=True),
        "unique": Flag(null=True),
    },
)
def create_invite(call: Call) -> Reply:
    """An invite into a channel, for a day unless the body says otherwise."""
    guild, channel = managed(call, Permission.CREATE_INSTANT_INVITE)
    now, age = call.world.clock.now(), call.form.body.get("max_age")
    age = 86_400 if age is None else age
    invite = _invite(call, guild, channel) | {
        "max_age": age,
        "max_uses": call.form.body.get("max_uses") or 0,
        "temporary": bool(call.form.body.get("temporary")),
        "created_at": iso(now),
        "expires_at": iso(now + age) if age else None,
    }
    call.world.invites[invite["code"]] = invite
    data = {**invite, "guild_id": str(guild.id), "channel_id": str(channel.id)}
    call.world.emit(WorldEvent("INVITE_CREATE", data, guild.id, channel.id))
    record(call, guild, _INVITE, None)
    return Reply(invite)


def _invite(call: Call, guild: Guild, channel: Channel) -> JSON:
    shown = payloads.guild_summary(guild)
    parts = ("id", "name", "splash", "banner", "description", "icon", "features", "verification_level")
    more = ("vanity_url_code", "nsfw_level", "nsfw", "premium_subscription_count")
    return {
        "type": 0,
        "code": secrets.token_urlsafe(6),
        "uses": 0,
        "inviter": payloads.user(call.world.bot),
        "guild": {key: shown[key] for key in (*parts, *more)},
        "guild_id": str(guild.id),
        "channel": {"id": str(channel.id), "type": channel.type, "name": channel.name},
    }


@router.on("GET", "/invites/{code}", query={"with_counts": Flag()})
def get_invite(call: Call) -> Reply:
    """An invite by its code."""
    invite = call.world.invites.get(call.params["code"])
    if invite is None:
        raise refuse(10006)
    if not call.query.get("with_counts"):
        return Reply(invite)
    members = len(call.world.guilds[int(invite["guild_id"])].members)
    return Reply(invite | {"approximate_member_count": members, "approximate_presence_count": members})


@router.on("DELETE", "/invites/{code}")
def delete_invite(call: Call) -> Reply:
    """Withdraw an invite."""
    invite = call.world.invites.get(call.params["code"])
    if invite is None:
        raise refuse(10006)
    channel = call.world.channel(int(invite["channel"]["id"]))
    messages.need(call.world, call.world.bot, channel, Permission.MANAGE_CHANNELS)
    del call.world.invites[invite["code"]]
    data = {"code": invite["code"], "channel_id": str(channel.id), "guild_id": invite["guild_id"]}
    call.world.emit(WorldEvent("INVITE_DELETE", data, channel.guild_id, channel.id))
    return Reply(invite)


@router.on("GET", "/guilds/{guild_id}/invites", major="guild_id")
def guild_invites(call: Call) -> Reply:
    """The invites of a guild."""
    guild = guild_of(call, Permission.MANAGE_GUILD)
    return Reply([i for i in call.world.invites.values() if i["guild_id"] == str(guild.id)])


# -- threads -----------------------------------------------------------------------------------------------

_BEFORE = {"before": Moment(), "limit": Integer(low=2, high=100)}


def _threads(call: Call, found: list[Channel], *, more: bool) -> Reply:
    me = call.world.bot.id
    mine = [payloads.thread_member(thread, me) for thread in found if me in thread.thread_members]
    return Reply({"threads": [payloads.channel(thread) for thread in found], "members": mine, "has_more": more})


@router.on("GET", "/guilds/{guild_id}/threads/active", major="guild_id")
def active_threads(call: Call) -> Reply:
    """The threads of a guild that are open and that the bot sees."""
    guild = guild_of(call)
    open_ones = [c for c in call.world.channels_of(guild.id) if c.is_thread and not c.archived]
    return _threads(call, [c for c in open_ones if call.world.can_see(call.world.bot.id, c)], more=False)


def _archived(call: Call, kinds: tuple[int, ...], *, joined: bool = False, manager: bool = False) -> Reply:
    channel = seen(call)
    messages.need(call.world, call.world.bot, channel, Permission.READ_MESSAGE_HISTORY)
    if manager:
        messages.need(call.world, call.world.bot, channel, Permission.MANAGE_THREADS)
    before, limit = call.query.get("before", float("inf")), call.query.get("limit", 50)
    found = [
        thread
        for thread in call.world.channels.values()
        if thread.parent_id == channel.id and thread.archived and thread.type in kinds
        if thread.archive_timestamp < before and (not joined or call.world.bot.id in thread.thread_members)
    ]
    found.sort(key=lambda thread: thread.archive_timestamp, reverse=True)
    return _threads(call, found[:limit], more=len(found) > limit)


@router.on("GET", f"{_CHANNEL}/threads/archived/public", major="channel_id", query=_BEFORE)
def archived_public(call: Call) -> Reply:
    """Archived public threads, the latest first."""
    return _archived(call, (ChannelType.ANNOUNCEMENT_THREAD, ChannelType.PUBLIC_THREAD))


@router.on("GET", f"{_CHANNEL}/threads/archived/private", major="channel_id", query=_BEFORE)
def archived_private(call: Call) -> Reply:
    """Archived private threads, for who manages threads."""
    return _archived(call, (ChannelType.PRIVATE_THREAD,), manager=True)


@router.on(
    "GET",
    f"{_CHANNEL}/users/@me/threads/archived/private",
    major="channel_id",
    query={"before": Id(), "limit": Integer(low=2, high=100)},
)
def archived_mine(call: Call) -> Reply:
    """Archived private threads that the bot has joined."""
    return _archived(call, (ChannelType.PRIVATE_THREAD,), joined=True)


def _thread_member(call: Call) -> Reply:
    thread = seen(call)
    user_id = call.id("user_id") if "user_id" in call.params else call.world.bot.id
    if not thread.is_thread or user_id not in thread.thread_members:
        raise refuse(10007)
    return Reply(payloads.thread_member(thread, user_id))


for _who in ("@me", "{user_id}"):
    router.on("GET", f"{_CHANNEL}/thread-members/{_who}", major="channel_id")(_thread_member)
