"""Threads: starting, joining, archiving, locking.

Source: docs.discord.com, developers/topics/threads and developers/resources/channel.
"""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.discord_api import message_rules, messages, payloads
from sandbox.discord_api.message_rules import Form
from sandbox.discord_api.model import Attachment, Channel, ChannelType, Message, MessageFlag, User
from sandbox.discord_api.permissions import Permission
from sandbox.discord_api.wire import JSON, ApiError, form_error, refuse
from sandbox.discord_api.world import World, WorldEvent

_MOST_TAGS = 5
_DURATIONS = (60, 1440, 4320, 10080)


def start(world: World, who: User, channel: Channel, body: JSON, message: Message | None) -> Channel:
    """Start a thread, on a message or on its own. Raises :class:`ApiError`."""
    if channel.guild_id is None or channel.type != ChannelType.TEXT:
        raise refuse(50024)
    kind = ChannelType.PUBLIC_THREAD if message else int(body.get("type") or ChannelType.PRIVATE_THREAD)
    private = kind == ChannelType.PRIVATE_THREAD
    needed = Permission.CREATE_PRIVATE_THREADS if private else Permission.CREATE_PUBLIC_THREADS
    messages.need(world, who, channel, needed)
    if message is not None and message.thread_id is not None:
        raise refuse(160004)
    thread = Channel(
        message.id if message else world.ids.next(),
        kind,
        _name(body),
        channel.guild_id,
        parent_id=channel.id,
        owner_id=who.id,
        auto_archive_duration=_duration(body),
        archive_timestamp=world.clock.now(),
        thread_members={who.id},
        rate_limit_per_user=body.get("rate_limit_per_user") or 0,
        invitable=body.get("invitable") is not False,
    )
    world.add_channel(thread)
    if message is not None:
        message.thread_id = thread.id
        message.flags |= MessageFlag.HAS_THREAD
        world.message_changed(message)
    return thread


def start_post(
    world: World,
    who: User,
    forum: Channel,
    body: JSON,
    form: Form | None = None,
    attached: Sequence[Attachment] = (),
) -> Channel:
    """Start a post in a forum: a thread whose first message has its id ("Start Thread in Forum or Media Channel").

    ``form`` is that message, with what was ``attached``, else ``body`` has it. Raises :class:`ApiError`.
    """
    if forum.type != ChannelType.FORUM:
        raise refuse(50024)
    messages.need(world, who, forum, Permission.SEND_MESSAGES)
    name, tags = _name(body), _tags(forum, body)
    thread = Channel(
        world.ids.next(),
        ChannelType.PUBLIC_THREAD,
        name,
        forum.guild_id,
        parent_id=forum.id,
        owner_id=who.id,
        auto_archive_duration=_duration(body),
        archive_timestamp=world.clock.now(),
        thread_members={who.id},
        applied_tags=tags,
    )
    message = messages.blank(world, who, thread)
    message.id, message.attachments = thread.id, list(attached)
    world.channels[thread.id] = thread  # where the message is read; nobody is told of a post that is refused
    try:
        message_rules.fill(world, message, form or Form(dict(body.get("message") or {})))
    except ApiError:
        del world.channels[thread.id]
        raise
    world.add_channel(thread)
    forum.last_message_id = thread.id
    messages.publish(world, message)
    return thread


def tag(world: World, who: User, post: Channel, tag_ids: list[int]) -> Channel:
    """Set the tags of a post: its author may, and who manages threads. Raises :class:`ApiError`."""
    forum = world.channels[post.parent_id or 0]
    if forum.type != ChannelType.FORUM:
        raise refuse(50024)
    if post.owner_id != who.id:
        messages.need(world, who, post, Permission.MANAGE_THREADS)
    post.applied_tags = _tags(forum, {"applied_tags": tag_ids})
    world.channel_changed(post)
    return post


def change(world: World, thread: Channel, body: JSON) -> Channel:
    """``PATCH /channels/{id}`` of a thread by the bot. Raises :class:`ApiError`."""
    _may_change_thread(world, thread, body)
    _change_thread(world, thread, body)
    if "name" in body:
        thread.name = _name(body)
    world.channel_changed(thread)
    return thread


def _may_change_thread(world: World, thread: Channel, body: JSON) -> None:
    messages.need(world, world.bot, thread, Permission.VIEW_CHANNEL)
    manager = bool(world.permissions(world.bot.id, thread) & Permission.MANAGE_THREADS)
    if thread.archived and body.get("archived") is not False:
        raise refuse(50083)
    owner_may = thread.owner_id == world.bot.id and "locked" not in body and not thread.locked
    only_opens = set(body) == {"archived"} and not body["archived"] and not thread.locked
    if not (manager or owner_may or only_opens):
        raise refuse(50013)


def _change_thread(world: World, thread: Channel, body: JSON) -> None:
    if "auto_archive_duration" in body:
        thread.auto_archive_duration = _duration(body)
    thread.rate_limit_per_user = body.get("rate_limit_per_user", thread.rate_limit_per_user) or 0
    thread.invitable = bool(body.get("invitable", thread.invitable))
    if "applied_tags" in body:
        thread.applied_tags = _tags(world.channels[thread.parent_id or 0], body)
    if "locked" in body:
        thread.locked = bool(body["locked"])
    if "archived" in body:
        thread.archived = bool(body["archived"])
        thread.archive_timestamp = world.clock.now()


def join(world: World, thread: Channel, user_id: int) -> None:
    """Make someone a member of a thread. Raises 50083 when it is archived."""
    _members_changed(world, thread, user_id, joins=True)


def leave(world: World, thread: Channel, user_id: int) -> None:
    """Take someone out of a thread."""
    _members_changed(world, thread, user_id, joins=False)


def _members_changed(world: World, thread: Channel, user_id: int, *, joins: bool) -> None:
    if not thread.is_thread:
        raise refuse(50024)
    if thread.archived:
        raise refuse(50083)
    world.user(user_id)
    if joins:
        thread.thread_members.add(user_id)
    else:
        thread.thread_members.discard(user_id)
    data: JSON = {
        "id": str(thread.id),
        "guild_id": str(thread.guild_id),
        "member_count": len(thread.thread_members),
        "added_members": [payloads.thread_member(thread, user_id)] if joins else [],
        "removed_member_ids": [] if joins else [str(user_id)],
    }
    world.emit(WorldEvent("THREAD_MEMBERS_UPDATE", data, thread.guild_id, thread.id))


def _tags(forum: Channel, body: JSON) -> list[int]:
    """At most five of the forum's own ("Thread-specific fields", ``applied_tags``)."""
    tags = [int(tag_id) for tag_id in body.get("applied_tags") or []]
    if len(tags) > _MOST_TAGS:
        raise form_error("applied_tags", "BASE_TYPE_MAX_LENGTH", f"Must be {_MOST_TAGS} or fewer in length.")
    if not set(tags) <= {one.id for one in forum.available_tags}:
        raise form_error("applied_tags", "INVALID_FORUM_TAG", "Unknown tag.")
    return tags


def _name(body: JSON) -> str:
    name = str(body.get("name") or "")
    if not 1 <= len(name) <= 100:
        raise form_error("name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
    return name


def _duration(body: JSON) -> int:
    value = int(body.get("auto_archive_duration") or 1440)
    if value not in _DURATIONS:
        raise form_error("auto_archive_duration", "BASE_TYPE_CHOICES", f"Value must be one of {_DURATIONS}.")
    return value
