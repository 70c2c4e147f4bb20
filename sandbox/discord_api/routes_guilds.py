"""REST: a guild itself, its audit log and what surrounds it.

Source: docs.discord.com, developers/resources/{guild,audit-log,voice}.
"""

from __future__ import annotations

from sandbox.discord_api import payloads
from sandbox.discord_api.guild_access import guild_of, record
from sandbox.discord_api.model import Member
from sandbox.discord_api.permissions import Permission
from sandbox.discord_api.routing import Call, Reply, Router
from sandbox.discord_api.shapes import Choice, Flag, Id, Integer, Listed, Text
from sandbox.discord_api.wire import JSON, refuse
from sandbox.discord_api.world import WorldEvent

router = Router()
_GUILD = "/guilds/{guild_id}"
_UPDATED, _PRUNED = 1, 21
_DAY = 86_400.0
_SETTINGS = {
    "verification_level": Integer(low=0, high=4, null=True),
    "default_message_notifications": Integer(low=0, high=1, null=True),
    "explicit_content_filter": Integer(low=0, high=2, null=True),
    "afk_timeout": Choice(among=(60, 300, 900, 1800, 3600), null=True),
    "system_channel_flags": Integer(low=0, high=1 << 16, null=True),
    "premium_progress_bar_enabled": Flag(null=True),
}


@router.on("GET", _GUILD, major="guild_id", query={"with_counts": Flag()})
def get_guild(call: Call) -> Reply:
    """A guild of the bot."""
    guild = guild_of(call)
    members = len(guild.members)
    return Reply(
        payloads.guild_summary(guild)
        | {"approximate_member_count": members, "approximate_presence_count": members}
    )


@router.on(
    "PATCH",
    _GUILD,
    major="guild_id",
    body={"name": Text(low=2, high=100), "description": Text(high=300, null=True), **_SETTINGS},
)
def edit_guild(call: Call) -> Reply:
    """Name, description and settings."""
    guild, body = guild_of(call, Permission.MANAGE_GUILD), call.form.body
    guild.name = body.get("name", guild.name)
    guild.description = body.get("description", guild.description)
    guild.settings |= {name: body[name] for name in _SETTINGS if body.get(name) is not None}
    shown = payloads.guild_summary(guild)
    call.world.emit(WorldEvent("GUILD_UPDATE", shown, guild.id))
    record(call, guild, _UPDATED, guild.id)
    return Reply(shown)


@router.on("GET", f"{_GUILD}/preview", major="guild_id")
def preview(call: Call) -> Reply:
    """What people see of a guild before they join."""
    guild = guild_of(call)
    shown = payloads.guild_summary(guild)
    parts = ("id", "name", "icon", "description", "home_header", "splash", "discovery_splash", "features")
    kept = {key: shown[key] for key in (*parts, "emojis", "stickers")}
    members = len(guild.members)
    return Reply(kept | {"approximate_member_count": members, "approximate_presence_count": members})


@router.on(
    "GET",
    f"{_GUILD}/audit-logs",
    major="guild_id",
    query={
        "user_id": Id(),
        "action_type": Integer(low=0, high=1000),
        "before": Id(),
        "after": Id(),
        "limit": Integer(low=1, high=100),
    },
)
def audit_log(call: Call) -> Reply:
    """What the bot changed here, the latest first."""
    guild, query = guild_of(call, Permission.VIEW_AUDIT_LOG), call.query
    found = [
        entry
        for entry in reversed(guild.audit_log)
        if query.get("user_id", int(entry["user_id"])) == int(entry["user_id"])
        and query.get("action_type", entry["action_type"]) == entry["action_type"]
        and query.get("after", 0) < int(entry["id"]) < query.get("before", 1 << 64)
    ]
    body: JSON = {"audit_log_entries": found[: query.get("limit", 50)], "users": [payloads.user(call.world.bot)]}
    empty = ("integrations", "webhooks", "guild_scheduled_events", "threads", "application_commands")
    return Reply(body | {key: [] for key in (*empty, "auto_moderation_rules")})


_PRUNE = {
    "days": Integer(low=1, high=30, null=True),
    "compute_prune_count": Flag(null=True),
    "include_roles": Listed(of=Id(), null=True),
}


def _prunable(call: Call, days: int) -> list[Member]:
    """Members without a role, older than so many days, who said nothing in them."""
    guild = guild_of(call, Permission.KICK_MEMBERS, Permission.MANAGE_GUILD)
    since = call.world.clock.now() - days * _DAY
    spoke = {m.author.id for m in call.world.messages.values() if m.created_at >= since}
    return [
        member
        for member in guild.members.values()
        if not member.roles and member.user.id not in (guild.owner_id, *spoke) and member.joined_at < since
    ]


@router.on(
    "GET", f"{_GUILD}/prune", major="guild_id", query={"days": Integer(low=1, high=30), "include_roles": Text()}
)
def prune_count(call: Call) -> Reply:
    """How many members a prune would kick."""
    return Reply({"pruned": len(_prunable(call, call.query.get("days", 7)))})


@router.on("POST", f"{_GUILD}/prune", major="guild_id", body=_PRUNE)
def prune(call: Call) -> Reply:
    """Kick members who were not there for some days."""
    found = _prunable(call, call.form.body.get("days") or 7)
    guild = guild_of(call)
    for member in found:
        call.world.remove_member(guild, member.user)
    record(call, guild, _PRUNED, None, {"members_removed": str(len(found))})
    counted = call.form.body.get("compute_prune_count")
    return Reply({"pruned": None if counted is False else len(found)})


# -- what is always the same here --------------------------------------------------------------------------


def _regions(_: Call) -> Reply:
    names = {"id": "local", "name": "This machine"}
    return Reply([{**names, "custom": False, "deprecated": False, "optimal": True}])


router.on("GET", "/voice/regions")(_regions)
router.on("GET", f"{_GUILD}/regions", major="guild_id")(_regions)


@router.on("GET", f"{_GUILD}/integrations", major="guild_id")
def integrations(call: Call) -> Reply:
    """No other application is in a guild of this world."""
    guild_of(call, Permission.MANAGE_GUILD)
    return Reply([])


@router.on("GET", f"{_GUILD}/widget", major="guild_id")
def widget(call: Call) -> Reply:
    """Guilds have no widget here."""
    guild_of(call, Permission.MANAGE_GUILD)
    return Reply({"enabled": False, "channel_id": None})


@router.on("GET", f"{_GUILD}/vanity-url", major="guild_id")
def vanity_url(call: Call) -> Reply:
    """Guilds have no address of their own here."""
    guild_of(call, Permission.MANAGE_GUILD)
    return Reply({"code": None, "uses": 0})


@router.on("GET", f"{_GUILD}/onboarding", major="guild_id")
def onboarding(call: Call) -> Reply:
    """New members are asked nothing here."""
    guild = guild_of(call)
    return Reply(
        {"guild_id": str(guild.id), "prompts": [], "default_channel_ids": [], "enabled": False, "mode": 0}
    )


def _voice_state(call: Call) -> Reply:
    guild = guild_of(call)
    user_id = call.id("user_id") if "user_id" in call.params else call.world.bot.id
    state = guild.voice_states.get(user_id)
    if state is None:
        raise refuse(10065)
    return Reply(state)


for _who in ("@me", "{user_id}"):
    router.on("GET", f"{_GUILD}/voice-states/{_who}", major="guild_id")(_voice_state)
