"""The world's records as the JSON objects that Discord's API documents.

Sources: docs.discord.com, developers/resources/{user,guild,channel,message}, developers/topics/permissions.
"""

from __future__ import annotations

from collections.abc import Callable

from sandbox.discord_api.model import (
    Attachment,
    Channel,
    ChannelType,
    Guild,
    Member,
    Message,
    Overwrite,
    Role,
    User,
)
from sandbox.discord_api.permissions import guild_permissions
from sandbox.discord_api.wire import JSON, iso

Lookup = Callable[[int], User]


def user(u: User) -> JSON:
    """A user object."""
    return {
        "id": str(u.id),
        "username": u.username,
        "discriminator": "0000" if u.bot else "0",
        "global_name": u.global_name,
        "avatar": None,
        "bot": u.bot,
        "public_flags": 0,
        "flags": 0,
        "banner": None,
        "accent_color": None,
        "avatar_decoration_data": None,
        "collectibles": None,
        "primary_guild": None,
    }


def me(u: User) -> JSON:
    """The user object of the account itself."""
    return user(u) | {"verified": True, "mfa_enabled": True, "locale": u.locale, "premium_type": 0, "email": None}


def role(r: Role) -> JSON:
    """A role object. Tags are there only for roles of bots, integrations and boosters ("Role Tags Structure")."""
    payload: JSON = {
        "id": str(r.id),
        "name": r.name,
        "color": r.color,
        "colors": {"primary_color": r.color, "secondary_color": None, "tertiary_color": None},
        "hoist": r.hoist,
        "icon": None,
        "unicode_emoji": None,
        "position": r.position,
        "permissions": str(r.permissions),
        "managed": r.managed,
        "mentionable": r.mentionable,
        "flags": 0,
    }
    return payload if r.bot_id is None else payload | {"tags": {"bot_id": str(r.bot_id)}}


def member(m: Member, *, with_user: bool = True, permissions: int | None = None) -> JSON:
    """A guild member object; ``permissions`` only in interactions."""
    payload: JSON = {
        "nick": m.nick,
        "avatar": None,
        "banner": None,
        "avatar_decoration_data": None,
        "collectibles": None,
        "roles": [str(role_id) for role_id in m.roles],
        "joined_at": iso(m.joined_at),
        "premium_since": None,
        "deaf": m.deaf,
        "mute": m.mute,
        "pending": False,
        "flags": 0,
        "communication_disabled_until": iso(m.timeout_until) if m.timeout_until else None,
    }
    if with_user:
        payload["user"] = user(m.user)
    if permissions is not None:
        payload["permissions"] = str(permissions)
    return payload


def _overwrite(o: Overwrite) -> JSON:
    return {"id": str(o.id), "type": o.type, "allow": str(o.allow), "deny": str(o.deny)}


def channel(c: Channel) -> JSON:
    """A channel object: direct message, thread or guild channel."""
    payload: JSON = {
        "id": str(c.id),
        "type": c.type,
        "flags": 0,
        "last_message_id": str(c.last_message_id) if c.last_message_id else None,
    }
    if c.guild_id is None:
        payload["recipients"] = [user(u) for u in c.recipients]
        return payload
    payload |= {
        "guild_id": str(c.guild_id),
        "name": c.name,
        "parent_id": str(c.parent_id) if c.parent_id else None,
        "rate_limit_per_user": c.rate_limit_per_user,
    }
    if c.is_thread:
        return payload | {
            "owner_id": str(c.owner_id),
            "message_count": c.message_count,
            "total_message_sent": c.message_count,
            "member_count": len(c.thread_members),
            "applied_tags": [str(tag_id) for tag_id in c.applied_tags],
            "thread_metadata": {
                "archived": c.archived,
                "locked": c.locked,
                "auto_archive_duration": c.auto_archive_duration,
                "archive_timestamp": iso(c.archive_timestamp),
                "create_timestamp": iso(c.archive_timestamp),
                "invitable": c.invitable,
            },
        }
    if c.type == ChannelType.FORUM:
        payload |= {
            "available_tags": [
                {"id": str(tag.id), "name": tag.name, "moderated": False, "emoji_id": None, "emoji_name": None}
                for tag in c.available_tags
            ],
            "default_reaction_emoji": None,
            "default_sort_order": None,
            "default_forum_layout": 0,
        }
    return payload | {
        "topic": c.topic,
        "position": c.position,
        "nsfw": c.nsfw,
        "permission_overwrites": [_overwrite(o) for o in c.overwrites],
    }


def thread_member(thread: Channel, user_id: int) -> JSON:
    """A thread member object."""
    return {
        "id": str(thread.id),
        "user_id": str(user_id),
        "join_timestamp": iso(thread.archive_timestamp),
        "flags": 0,
    }


def attachment(a: Attachment) -> JSON:
    """An attachment object; its url is served by the double itself."""
    payload: JSON = {
        "id": str(a.id),
        "filename": a.filename,
        "size": len(a.content),
        "url": a.url,
        "proxy_url": a.url,
    }
    if a.content_type:
        payload["content_type"] = a.content_type
    if a.description:
        payload["description"] = a.description
    return payload


def message(m: Message, lookup: Lookup, thread: Channel | None = None) -> JSON:
    """A message object as the REST API returns it; ``lookup`` finds mentioned users."""
    payload: JSON = {
        "id": str(m.id),
        "channel_id": str(m.channel_id),
        "type": m.type,
        "author": user(m.author),
        "content": m.content,
        "timestamp": iso(m.created_at),
        "edited_timestamp": iso(m.edited_at) if m.edited_at is not None else None,
        "tts": False,
        "mention_everyone": m.mentions.everyone,
        "mentions": [user(lookup(user_id)) for user_id in m.mentions.users],
        "mention_roles": [str(role_id) for role_id in m.mentions.roles],
        "attachments": [attachment(a) for a in m.attachments],
        "embeds": m.embeds,
        "components": m.components,
        "pinned": m.pinned,
        "flags": int(m.flags),
    }
    if m.reactions:
        payload["reactions"] = [_reaction(written, users) for written, users in m.reactions.items()]
    if m.poll is not None:
        payload["poll"] = poll(m)
    _add_origin(payload, m, lookup)
    if thread is not None:
        payload["thread"] = channel(thread)
    return payload


def poll(m: Message) -> JSON:
    """A poll object with its results as they are now."""
    about = m.poll or {}
    counts = [
        {"id": number, "count": len(users), "me_voted": m.author.id in users} for number, users in m.votes.items()
    ]
    results = {"is_finalized": bool(about.get("closed")), "answer_counts": counts}
    return {**{key: value for key, value in about.items() if key != "closed"}, "results": results}


def emoji(written: str) -> JSON:
    """A partial emoji from ``"👍"`` or, a guild's own, from ``"name:id"`` ("Create Reaction")."""
    name, _, identity = written.rpartition(":")
    return {"id": identity, "name": name} if name and identity.isdecimal() else {"id": None, "name": written}


def _reaction(written: str, users: list[int]) -> JSON:
    return {
        "emoji": emoji(written),
        "count": len(users),
        "count_details": {"burst": 0, "normal": len(users)},
        "me": False,
        "me_burst": False,
        "burst_colors": [],
    }


def _add_origin(payload: JSON, m: Message, lookup: Lookup) -> None:
    if m.nonce is not None:
        payload["nonce"] = m.nonce
    if m.interaction_metadata is not None:
        payload["interaction_metadata"] = m.interaction_metadata
    if m.interaction_id is not None:
        payload["application_id"] = payload["webhook_id"] = str(m.author.id)
    if m.webhook_id is not None:
        payload["webhook_id"] = str(m.webhook_id)
    if m.snapshots:
        payload["message_snapshots"] = m.snapshots
    if m.reference is not None:
        payload["message_reference"] = m.reference
    if m.reference is not None and not m.snapshots:
        target = m.referenced
        alive = target is not None and not target.deleted
        payload["referenced_message"] = message(target, lookup) if alive and target is not None else None
        if target is not None and payload["referenced_message"]:
            payload["referenced_message"].pop("referenced_message", None)


def guild(g: Guild, channels: list[Channel], members: list[Member], *, joined_at: float) -> JSON:
    """A guild object as GUILD_CREATE carries it."""
    return {
        **guild_summary(g),
        "joined_at": iso(joined_at),
        "large": False,
        "unavailable": False,
        "member_count": len(g.members),
        "voice_states": list(g.voice_states.values()),
        "members": [member(m) for m in members],
        "channels": [channel(c) for c in channels if not c.is_thread],
        "threads": [channel(c) for c in channels if c.is_thread and not c.archived],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": list(g.events.values()),
        "soundboard_sounds": [],
    }


def my_guild(g: Guild, user_id: int) -> JSON:
    """A guild object as ``GET /users/@me/guilds`` lists it."""
    return {
        "id": str(g.id),
        "name": g.name,
        "icon": None,
        "banner": None,
        "owner": g.owner_id == user_id,
        "permissions": str(guild_permissions(g, user_id)),
        "features": [],
        "approximate_member_count": len(g.members),
        "approximate_presence_count": len(g.members),
    }


def guild_summary(g: Guild) -> JSON:
    """A guild object as ``GET /guilds/{id}`` answers it."""
    return {
        "id": str(g.id),
        "name": g.name,
        "icon": None,
        "splash": None,
        "discovery_splash": None,
        "banner": None,
        "description": g.description,
        "owner_id": str(g.owner_id),
        "afk_channel_id": None,
        "afk_timeout": 300,
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "roles": [role(r) for r in g.roles.values()],
        "emojis": list(g.emojis.values()),
        "stickers": [],
        "features": [],
        "mfa_level": 0,
        "application_id": None,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "vanity_url_code": None,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "premium_progress_bar_enabled": False,
        "preferred_locale": g.locale,
        "public_updates_channel_id": None,
        "safety_alerts_channel_id": None,
        "nsfw": False,
        "nsfw_level": 0,
        "max_members": 500000,
        "max_presences": None,
        "max_video_channel_users": 25,
        "max_stage_video_channel_users": 50,
        "home_header": None,
        "widget_enabled": False,
        "widget_channel_id": None,
        "incidents_data": None,
        "region": "local",
        "hub_type": None,
        **g.settings,
    }
