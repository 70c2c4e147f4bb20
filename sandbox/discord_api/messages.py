"""What the bot and the people do with messages, whatever way the request came.

Source: docs.discord.com, developers/resources/message.
"""

from __future__ import annotations

import unicodedata

from sandbox.discord_api import mentions, message_rules, polls
from sandbox.discord_api.message_rules import Form
from sandbox.discord_api.model import Attachment, Channel, ChannelType, Message, MessageFlag, User
from sandbox.discord_api.permissions import Permission
from sandbox.discord_api.wire import JSON, form_error, iso, refuse
from sandbox.discord_api.world import World, WorldEvent

_NONCE_SECONDS = 180.0
"""A nonce is remembered for "the past few minutes" (developers/resources/message, ``enforce_nonce``)."""


def need(world: World, user: User, channel: Channel, permission: Permission) -> None:
    """Raises 50001 when the channel is invisible to the user, 50013 when the permission is missing."""
    have = world.permissions(user.id, channel)
    if not have & Permission.VIEW_CHANNEL:
        raise refuse(50001)
    if not have & permission:
        raise refuse(50013)


def may_send(world: World, user: User, channel: Channel, form: Form) -> None:
    """Raises what Discord raises when the user may not post this in the channel; opens an archived thread."""
    if channel.type in (ChannelType.CATEGORY, ChannelType.FORUM):
        raise refuse(50024)
    if channel.type == ChannelType.DM and not all(u.dm_open for u in channel.recipients):
        raise refuse(50007)
    in_thread = channel.is_thread
    need(world, user, channel, Permission.SEND_MESSAGES_IN_THREADS if in_thread else Permission.SEND_MESSAGES)
    if form.files:
        need(world, user, channel, Permission.ATTACH_FILES)
    if channel.locked and not world.permissions(user.id, channel) & Permission.MANAGE_THREADS:
        raise refuse(160005)
    if channel.archived:
        channel.archived = False
        world.channel_changed(channel)


def create(
    world: World, author: User, channel: Channel, form: Form, *, attached: tuple[Attachment, ...] = ()
) -> Message:
    """Post a message through the ordinary route; ``attached`` were uploaded before it.

    Raises :class:`ApiError`.
    """
    may_send(world, author, channel, form)
    nonce = form.body.get("nonce")
    _check_nonce(nonce)
    if nonce is not None and form.body.get("enforce_nonce"):
        known = _posted_with(world, author, channel, nonce)
        if known is not None:
            return known
    _obey_slowmode(world, author, channel)
    reference = form.body.get("message_reference") or {}
    if reference.get("type") == 1:
        return _forwarded(world, author, channel, reference)
    message = blank(world, author, channel)
    message.nonce = nonce
    message.attachments = list(attached)
    _refer(world, message, form.body.get("message_reference"))
    if form.body.get("poll"):
        need(world, author, channel, Permission.SEND_POLLS)
        polls.open_poll(world, message, form.body["poll"])
    message_rules.fill(world, message, form)
    publish(world, message)
    if channel.is_thread and author.id not in channel.thread_members:
        channel.thread_members.add(author.id)
    return message


def _check_nonce(nonce: object) -> None:
    if nonce is None:
        return
    if isinstance(nonce, bool) or not isinstance(nonce, str | int):
        raise form_error("nonce", "BASE_TYPE_CHOICES", "Must be text or a number.")
    if len(str(nonce)) > 25:
        raise form_error("nonce", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")


def _forwarded(world: World, who: User, channel: Channel, reference: JSON) -> Message:
    source = world.channel(int(reference.get("channel_id") or channel.id))
    need(world, who, source, Permission.READ_MESSAGE_HISTORY)
    target = world.message(source.id, int(reference["message_id"]))
    if target.ephemeral:
        raise refuse(10008)
    return forward(world, who, channel, target)


def forward(world: World, who: User, channel: Channel, target: Message) -> Message:
    """Forward a message: the new one has no words of its own, but a snapshot of the target ("Message Snapshot
    Structure"). Raises :class:`ApiError`."""
    may_send(world, who, channel, Form())
    message = blank(world, who, channel)
    message.reference = {**reference_to(target), "type": 1}
    shown = world.message_payload(target)
    parts = ("type", "content", "embeds", "attachments", "timestamp", "edited_timestamp", "flags", "mentions")
    snapshot = {name: shown[name] for name in (*parts, "mention_roles", "components")}
    message.snapshots = [{"message": snapshot}]
    publish(world, message)
    return message


def say_by_webhook(world: World, channel: Channel, name: str, content: str) -> Message:
    """Post as a webhook of the channel, under a name of its own, as proxies for people do."""
    author = User(world.ids.next(), name, bot=True)
    world.users[author.id] = author
    message = blank(world, author, channel)
    message.webhook_id = author.id
    message_rules.fill(world, message, Form({"content": content}))
    publish(world, message)
    return message


def _obey_slowmode(world: World, author: User, channel: Channel) -> None:
    """``rate_limit_per_user``: it spares bots and those who manage messages or channels."""
    exempt = Permission.MANAGE_MESSAGES | Permission.MANAGE_CHANNELS
    if not channel.rate_limit_per_user or author.bot or world.permissions(author.id, channel) & exempt:
        return
    own = [m for m in world.messages.values() if m.channel_id == channel.id and m.author is author]
    if own and own[-1].created_at + channel.rate_limit_per_user > world.clock.now():
        raise refuse(20016)


def blank(world: World, author: User, channel: Channel) -> Message:
    """A message with nothing in it, not yet in the world."""
    return Message(world.ids.next(), channel.id, author, world.clock.now(), guild_id=channel.guild_id)


def publish(world: World, message: Message) -> None:
    """Bring a filled message into the world and ring those it mentions."""
    message.notified = mentions.notified(world, message)
    world.message_added(message)


def edit(world: World, editor: User, message: Message, form: Form) -> Message:
    """Edit one's own message through the ordinary route. Raises :class:`ApiError`."""
    channel = world.channels[message.channel_id]
    if message.author.id != editor.id:
        allowed = set(form.body) <= {"flags"} and not form.files
        if not allowed:
            raise refuse(50005)
        need(world, editor, channel, Permission.MANAGE_MESSAGES)
    if channel.archived:
        raise refuse(50083)
    message_rules.revise(world, message, form)
    message.flags &= ~MessageFlag.LOADING
    message.edited_at = world.clock.now()
    world.message_changed(message)
    return message


def delete(world: World, who: User, message: Message) -> None:
    """Delete one's own message, or another's with the permission. Raises :class:`ApiError`."""
    channel = world.channels[message.channel_id]
    if channel.archived:
        raise refuse(50083)
    if message.author.id != who.id:
        if channel.guild_id is None:
            raise refuse(50003)
        need(world, who, channel, Permission.MANAGE_MESSAGES)
    world.delete_message(message)


def react(world: World, who: User, message: Message, emoji: str, *, add: bool = True) -> None:
    """Add or take back a reaction. Raises :class:`ApiError`."""
    channel = world.channels[message.channel_id]
    need(world, who, channel, Permission.ADD_REACTIONS)
    if add and not is_emoji(emoji):
        raise refuse(10014)
    users = message.reactions.setdefault(emoji, [])
    if add and who.id not in users:
        users.append(who.id)
    elif not add and who.id in users:
        users.remove(who.id)
    if not users:
        del message.reactions[emoji]
    world.message_reacted(message, who, emoji, added=add)


def is_emoji(written: str) -> bool:
    """Whether this is an emoji to react with: ``name:id`` of one's own, or a symbol of Unicode.

    Which symbols are emojis is taken from their kind: pictures (So), skin tones (Sk), keycaps, flags.
    """
    name, _, identity = written.rpartition(":")
    if name:
        return identity.isascii() and identity.isdecimal()
    kinds = {unicodedata.category(sign) for sign in written}
    return bool(kinds & {"So", "Sk"} or "\u20e3" in written) and "Ll" not in kinds and "Lu" not in kinds


def pin(world: World, who: User, message: Message, *, pinned: bool) -> None:
    """Pin a message, or take it down. Raises :class:`ApiError`."""
    need(world, who, world.channels[message.channel_id], Permission.PIN_MESSAGES)
    message.pinned, message.pinned_at = pinned, world.clock.now()
    world.message_changed(message)
    data: JSON = {"channel_id": str(message.channel_id), "last_pin_timestamp": iso(message.pinned_at)}
    if message.guild_id is not None:
        data["guild_id"] = str(message.guild_id)
    world.emit(WorldEvent("CHANNEL_PINS_UPDATE", data, message.guild_id, message.channel_id))


def reference_to(target: Message) -> JSON:
    """The ``message_reference`` of a reply."""
    reference: JSON = {"type": 0, "message_id": str(target.id), "channel_id": str(target.channel_id)}
    if target.guild_id is not None:
        reference["guild_id"] = str(target.guild_id)
    return reference


def _refer(world: World, message: Message, reference: JSON | None) -> None:
    if not reference:
        return
    if (
        not world.permissions(message.author.id, world.channels[message.channel_id])
        & Permission.READ_MESSAGE_HISTORY
    ):
        raise refuse(160002)
    target = world.messages.get(int(reference["message_id"]))
    usable = (
        target is not None
        and not target.deleted
        and not target.ephemeral
        and target.channel_id == message.channel_id
    )
    if target is None or not usable:
        if reference.get("fail_if_not_exists", True):
            raise form_error("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        return
    message.type = 19
    message.reference = reference_to(target)
    message.referenced = target


def _posted_with(world: World, author: User, channel: Channel, nonce: str | int) -> Message | None:
    horizon = world.clock.now() - _NONCE_SECONDS
    for message in reversed(world.messages.values()):
        if message.created_at < horizon:
            return None
        same = message.nonce is not None and str(message.nonce) == str(nonce)
        if same and message.author is author and message.channel_id == channel.id:
            return message
    return None
