"""REST: channels' messages, reactions, typing and threads.

Source: docs.discord.com, developers/resources/message and developers/resources/channel.
"""

from __future__ import annotations

from sandbox.discord_api import intents, limits, message_shapes, messages, payloads, routes_channels, threads
from sandbox.discord_api.guild_access import record
from sandbox.discord_api.model import Channel, ChannelType, Message
from sandbox.discord_api.permissions import Permission
from sandbox.discord_api.routing import Call, Reply, Router
from sandbox.discord_api.shapes import Flag, Id, Integer
from sandbox.discord_api.wire import JSON, form_error, refuse
from sandbox.discord_api.world import WorldEvent

router = Router()
_CHANNEL_UPDATE = 11
_CHANNEL = "/channels/{channel_id}"
_MESSAGE = "/channels/{channel_id}/messages/{message_id}"


def _channel(call: Call) -> Channel:
    channel = call.world.channel(call.id("channel_id"))
    if not call.world.can_see(call.world.bot.id, channel):
        raise refuse(50001)
    return channel


def _message(call: Call) -> Message:
    """An ephemeral message does not exist on the routes of the bot's token."""
    channel = _channel(call)
    message = call.world.message(channel.id, call.id("message_id"))
    if message.ephemeral:
        raise refuse(10008)
    return message


def _shown(call: Call, message: Message) -> JSON:
    payload = call.world.message_payload(message)
    return intents.without_content(call.world, message, payload, call.world.privileged_intents)


@router.on("GET", _CHANNEL, major="channel_id")
def get_channel(call: Call) -> Reply:
    """A channel."""
    return Reply(payloads.channel(_channel(call)))


_THREAD = {**message_shapes.THREAD, "archived": Flag(null=True), "locked": Flag(null=True)}


@router.on("PATCH", _CHANNEL, major="channel_id", body={**routes_channels.CHANNEL, **_THREAD})
def patch_channel(call: Call) -> Reply:
    """Change a channel or a thread: every field that is documented for it."""
    channel, body = _channel(call), call.form.body
    if channel.is_thread:
        return Reply(payloads.channel(threads.change(call.world, channel, body)))
    guild, channel = routes_channels.managed(call, Permission.MANAGE_CHANNELS)
    if "permission_overwrites" in body:
        messages.need(call.world, call.world.bot, channel, Permission.MANAGE_ROLES)
    if body.get("type", channel.type) != channel.type:
        raise form_error("type", "BASE_TYPE_CHOICES", "The type of this channel cannot be changed.")
    routes_channels.apply(call, channel, body)
    call.world.channel_changed(channel)
    record(call, guild, _CHANNEL_UPDATE, channel.id)
    return Reply(payloads.channel(channel))


@router.on("DELETE", _CHANNEL, major="channel_id")
def delete_channel(call: Call) -> Reply:
    """Delete a channel or thread."""
    channel = _channel(call)
    needed = Permission.MANAGE_THREADS if channel.is_thread else Permission.MANAGE_CHANNELS
    messages.need(call.world, call.world.bot, channel, needed)
    payload = payloads.channel(channel)
    call.world.remove_channel(channel)
    return Reply(payload)


_PAGE = {"limit": Integer(low=1, high=100), "before": Id(), "after": Id(), "around": Id()}


@router.on("GET", f"{_CHANNEL}/messages", major="channel_id", query=_PAGE)
def list_messages(call: Call) -> Reply:
    """Messages, newest first; none without the right to read the history ("Get Channel Messages")."""
    channel = _channel(call)
    limit = call.query.get("limit", 50)
    if len(call.query.keys() & {"after", "around", "before"}) > 1:
        raise form_error("after", "MUTUALLY_EXCLUSIVE", "Only one of before, after and around may be passed.")
    if not call.world.permissions(call.world.bot.id, channel) & Permission.READ_MESSAGE_HISTORY:
        return Reply([])
    found = [m for m in call.world.messages_in(channel.id) if not m.ephemeral]
    if "after" in call.query:
        found = [m for m in found if m.id > call.query["after"]][:limit]
    elif "around" in call.query:
        earlier = [m for m in found if m.id < call.query["around"]]
        half = earlier[max(0, len(earlier) - limit // 2) :]
        found = [*half, *found[len(earlier) :][: limit - len(half)]]
    elif "before" in call.query:
        found = [m for m in found if m.id < call.query["before"]][-limit:]
    else:
        found = found[-limit:]
    return Reply([_shown(call, m) for m in reversed(found)])


@router.on(
    "POST", f"{_CHANNEL}/messages", rule=limits.POST_MESSAGE, major="channel_id", body=message_shapes.MESSAGE
)
def post_message(call: Call) -> Reply:
    """Post a message; ``enforce_nonce`` answers with the message that has the nonce already."""
    channel = call.world.channel(call.id("channel_id"))
    return Reply(_shown(call, messages.create(call.world, call.world.bot, channel, call.form)))


@router.on("GET", _MESSAGE, major="channel_id")
def get_message(call: Call) -> Reply:
    """One message."""
    message = _message(call)
    channel = call.world.channels[message.channel_id]
    messages.need(call.world, call.world.bot, channel, Permission.READ_MESSAGE_HISTORY)
    return Reply(_shown(call, message))


@router.on("PATCH", _MESSAGE, rule=limits.PATCH_MESSAGE, major="channel_id", body=message_shapes.MESSAGE)
def patch_message(call: Call) -> Reply:
    """Edit a message."""
    return Reply(_shown(call, messages.edit(call.world, call.world.bot, _message(call), call.form)))


@router.on("DELETE", _MESSAGE, rule=limits.DELETE_MESSAGE, major="channel_id")
def delete_message(call: Call) -> Reply:
    """Delete a message."""
    messages.delete(call.world, call.world.bot, _message(call))
    return Reply(status=204)


@router.on("PUT", f"{_MESSAGE}/reactions/{{emoji}}/@me", rule=limits.REACTION, major="channel_id")
def add_reaction(call: Call) -> Reply:
    """React as the bot."""
    messages.react(call.world, call.world.bot, _message(call), call.params["emoji"])
    return Reply(status=204)


@router.on("DELETE", f"{_MESSAGE}/reactions/{{emoji}}/@me", rule=limits.REACTION, major="channel_id")
def remove_reaction(call: Call) -> Reply:
    """Take the bot's reaction back."""
    messages.react(call.world, call.world.bot, _message(call), call.params["emoji"], add=False)
    return Reply(status=204)


def _pin(call: Call) -> Reply:
    messages.pin(call.world, call.world.bot, _message(call), pinned=True)
    return Reply(status=204)


def _unpin(call: Call) -> Reply:
    messages.pin(call.world, call.world.bot, _message(call), pinned=False)
    return Reply(status=204)


for _pins in (f"{_CHANNEL}/messages/pins/{{message_id}}", f"{_CHANNEL}/pins/{{message_id}}"):
    router.on("PUT", _pins, major="channel_id")(_pin)
    router.on("DELETE", _pins, major="channel_id")(_unpin)


@router.on("POST", f"{_CHANNEL}/typing", rule=limits.TYPING, major="channel_id")
def typing(call: Call) -> Reply:
    """Show "… is typing"."""
    channel = _channel(call)
    messages.need(call.world, call.world.bot, channel, Permission.SEND_MESSAGES)
    data: JSON = {
        "channel_id": str(channel.id),
        "user_id": str(call.world.bot.id),
        "timestamp": int(call.world.clock.now()),
    }
    if channel.guild_id is not None:
        data["guild_id"] = str(channel.guild_id)
    call.world.emit(WorldEvent("TYPING_START", data, channel.guild_id, channel.id))
    return Reply(status=204)


@router.on("POST", f"{_MESSAGE}/threads", major="channel_id", body=message_shapes.THREAD)
def thread_from_message(call: Call) -> Reply:
    """Start a thread on a message: it has the message's id."""
    message = _message(call)
    channel = call.world.channels[message.channel_id]
    thread = threads.start(call.world, call.world.bot, channel, call.form.body, message)
    return Reply(payloads.channel(thread), 201)


@router.on("POST", f"{_CHANNEL}/threads", major="channel_id", body=message_shapes.THREAD)
def thread_without_message(call: Call) -> Reply:
    """Start a thread on its own, in a forum with its first message."""
    channel = _channel(call)
    if channel.type == ChannelType.FORUM:
        thread = threads.start_post(call.world, call.world.bot, channel, call.form.body)
        return Reply(payloads.channel(thread) | {"message": _shown(call, call.world.messages[thread.id])}, 201)
    thread = threads.start(call.world, call.world.bot, channel, call.form.body, None)
    return Reply(payloads.channel(thread), 201)


@router.on("GET", f"{_CHANNEL}/thread-members", major="channel_id")
def thread_members(call: Call) -> Reply:
    """The members of a thread."""
    thread = _channel(call)
    return Reply([payloads.thread_member(thread, user_id) for user_id in sorted(thread.thread_members)])


def _join(call: Call) -> Reply:
    threads.join(call.world, _channel(call), _thread_user(call))
    return Reply(status=204)


def _leave(call: Call) -> Reply:
    threads.leave(call.world, _channel(call), _thread_user(call))
    return Reply(status=204)


def _thread_user(call: Call) -> int:
    return call.id("user_id") if "user_id" in call.params else call.world.bot.id


for _who in ("@me", "{user_id}"):
    router.on("PUT", f"{_CHANNEL}/thread-members/{_who}", major="channel_id")(_join)
    router.on("DELETE", f"{_CHANNEL}/thread-members/{_who}", major="channel_id")(_leave)
