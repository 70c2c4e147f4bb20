"""REST: pins, bulk deletes, reactions of others, polls.

Source: docs.discord.com, developers/resources/{message,poll}.
"""

from __future__ import annotations

from sandbox.discord_api import intents, limits, messages, payloads, polls
from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.permissions import Permission
from sandbox.discord_api.routes_channels import managed, seen
from sandbox.discord_api.routing import Call, Reply, Router
from sandbox.discord_api.shapes import Id, Integer, Listed, Moment
from sandbox.discord_api.wire import JSON, form_error, iso, refuse
from sandbox.discord_api.world import WorldEvent

router = Router()
_CHANNEL = "/channels/{channel_id}"
_MESSAGE = "/channels/{channel_id}/messages/{message_id}"
_REACTIONS = f"{_MESSAGE}/reactions"
_OLDEST = 14 * 86_400.0


def _message(call: Call) -> Message:
    message = call.world.message(seen(call).id, call.id("message_id"))
    if message.ephemeral:
        raise refuse(10008)
    return message


def _shown(call: Call, message: Message) -> JSON:
    payload = call.world.message_payload(message)
    return intents.without_content(call.world, message, payload, call.world.privileged_intents)


def _pinned(call: Call) -> list[Message]:
    """Those of a channel, the latest pin first."""
    channel: Channel = seen(call)
    messages.need(call.world, call.world.bot, channel, Permission.READ_MESSAGE_HISTORY)
    found = [m for m in call.world.messages_in(channel.id) if m.pinned]
    return sorted(found, key=lambda m: m.pinned_at, reverse=True)


@router.on(
    "GET",
    f"{_CHANNEL}/messages/pins",
    major="channel_id",
    query={"before": Moment(), "limit": Integer(low=1, high=50)},
)
def list_pins(call: Call) -> Reply:
    """Pinned messages with the instant of their pin."""
    before, limit = call.query.get("before", float("inf")), call.query.get("limit", 50)
    found = [m for m in _pinned(call) if m.pinned_at < before]
    items = [{"pinned_at": iso(m.pinned_at), "message": _shown(call, m)} for m in found[:limit]]
    return Reply({"items": items, "has_more": len(found) > limit})


@router.on("GET", f"{_CHANNEL}/pins", major="channel_id")
def list_pins_as_before(call: Call) -> Reply:
    """Pinned messages, by the older route."""
    return Reply([_shown(call, m) for m in _pinned(call)[:50]])


@router.on(
    "POST",
    f"{_CHANNEL}/messages/bulk-delete",
    major="channel_id",
    body={"messages": Listed(of=Id(), required=True)},
)
def bulk_delete(call: Call) -> Reply:
    """Delete 2 to 100 messages that are not older than two weeks; ids that are not there are passed over."""
    guild, channel = managed(call, Permission.MANAGE_MESSAGES)
    wanted = dict.fromkeys(call.form.body["messages"])
    if not 2 <= len(wanted) <= 100:
        raise refuse(50016)
    found = [m for m in call.world.messages_in(channel.id) if m.id in wanted and not m.ephemeral]
    if any(m.created_at < call.world.clock.now() - _OLDEST for m in found):
        raise refuse(50034)
    for message in found:
        message.deleted = True
    data: JSON = {
        "ids": [str(m.id) for m in found],
        "channel_id": str(channel.id),
        "guild_id": str(guild.id),
    }
    call.world.emit(WorldEvent("MESSAGE_DELETE_BULK", data, guild.id, channel.id))
    return Reply(status=204)


# -- reactions ---------------------------------------------------------------------------------------------


def _reacted(call: Call, message: Message) -> list[int]:
    if not messages.is_emoji(call.params["emoji"]):
        raise refuse(10014)
    return message.reactions.get(call.params["emoji"], [])


@router.on(
    "GET",
    f"{_REACTIONS}/{{emoji}}",
    major="channel_id",
    query={"after": Id(), "limit": Integer(low=1, high=100), "type": Integer(low=0, high=1)},
)
def reaction_users(call: Call) -> Reply:
    """Who reacted so."""
    message = _message(call)
    messages.need(call.world, call.world.bot, seen(call), Permission.READ_MESSAGE_HISTORY)
    found = sorted(user_id for user_id in _reacted(call, message) if user_id > call.query.get("after", 0))
    return Reply([payloads.user(call.world.users[user_id]) for user_id in found[: call.query.get("limit", 25)]])


@router.on("DELETE", f"{_REACTIONS}/{{emoji}}/{{user_id}}", rule=limits.REACTION, major="channel_id")
def take_reaction(call: Call) -> Reply:
    """Take somebody's reaction away."""
    message, channel = _message(call), seen(call)
    messages.need(call.world, call.world.bot, channel, Permission.MANAGE_MESSAGES)
    user = call.world.user(call.id("user_id"))
    users = _reacted(call, message)
    if user.id in users:
        users.remove(user.id)
        if not users:
            del message.reactions[call.params["emoji"]]
        call.world.message_reacted(message, user, call.params["emoji"], added=False)
    return Reply(status=204)


@router.on("DELETE", f"{_REACTIONS}/{{emoji}}", rule=limits.REACTION, major="channel_id")
def clear_emoji(call: Call) -> Reply:
    """Take all reactions of one emoji away."""
    message, channel = _message(call), seen(call)
    messages.need(call.world, call.world.bot, channel, Permission.MANAGE_MESSAGES)
    _reacted(call, message)
    message.reactions.pop(call.params["emoji"], None)
    _cleared(call, message, "MESSAGE_REACTION_REMOVE_EMOJI", {"emoji": payloads.emoji(call.params["emoji"])})
    return Reply(status=204)


@router.on("DELETE", _REACTIONS, rule=limits.REACTION, major="channel_id")
def clear_reactions(call: Call) -> Reply:
    """Take all reactions away."""
    message, channel = _message(call), seen(call)
    messages.need(call.world, call.world.bot, channel, Permission.MANAGE_MESSAGES)
    message.reactions.clear()
    _cleared(call, message, "MESSAGE_REACTION_REMOVE_ALL", {})
    return Reply(status=204)


def _cleared(call: Call, message: Message, name: str, data: JSON) -> None:
    data |= {"channel_id": str(message.channel_id), "message_id": str(message.id)}
    if message.guild_id is not None:
        data["guild_id"] = str(message.guild_id)
    call.world.emit(WorldEvent(name, data, message.guild_id, message.channel_id))


# -- polls -------------------------------------------------------------------------------------------------


@router.on(
    "GET",
    f"{_CHANNEL}/polls/{{message_id}}/answers/{{answer_id}}",
    major="channel_id",
    query={"after": Id(), "limit": Integer(low=1, high=100)},
)
def poll_voters(call: Call) -> Reply:
    """Who voted so."""
    message, answer = _message(call), call.id("answer_id")
    if message.poll is None or all(one["answer_id"] != answer for one in message.poll["answers"]):
        raise form_error("answer_id", "POLL_ANSWER_NOT_FOUND", "The poll has no such answer.")
    found = sorted(user_id for user_id in message.votes.get(answer, []) if user_id > call.query.get("after", 0))
    users = [payloads.user(call.world.users[user_id]) for user_id in found[: call.query.get("limit", 25)]]
    return Reply({"users": users})


@router.on("POST", f"{_CHANNEL}/polls/{{message_id}}/expire", major="channel_id")
def close_poll(call: Call) -> Reply:
    """End the bot's own poll at once."""
    message = _message(call)
    polls.close(call.world, call.world.bot, message)
    return Reply(_shown(call, message))
