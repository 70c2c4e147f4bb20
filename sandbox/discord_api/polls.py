"""Polls: opening one with a message, voting, closing.

Source: docs.discord.com, developers/resources/poll.
"""

from __future__ import annotations

from sandbox.discord_api.model import Message, User
from sandbox.discord_api.wire import JSON, form_error, iso, refuse
from sandbox.discord_api.world import World, WorldEvent

_HOURS = 24
_MOST_TEXT = 55


def open_poll(world: World, message: Message, body: JSON) -> None:
    """Give a new message its poll. Raises 50035 for an answer that is too long."""
    for index, answer in enumerate(body["answers"]):
        if not 1 <= len(answer["poll_media"].get("text") or "") <= _MOST_TEXT:
            place = f"poll.answers.{index}.poll_media.text"
            raise form_error(place, "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {_MOST_TEXT} in length.")
    message.poll = {
        "question": body["question"],
        "answers": [{"answer_id": n, "poll_media": one["poll_media"]} for n, one in enumerate(body["answers"], 1)],
        "expiry": iso(world.clock.now() + (body.get("duration") or _HOURS) * 3600),
        "allow_multiselect": bool(body.get("allow_multiselect")),
        "layout_type": body.get("layout_type") or 1,
    }
    message.votes = {}


def vote(world: World, who: User, message: Message, answer_id: int) -> None:
    """A person votes, once where the poll takes one answer. Raises KeyError for an answer that is not there."""
    if message.poll is None or all(answer["answer_id"] != answer_id for answer in message.poll["answers"]):
        raise KeyError(answer_id)
    if not message.poll["allow_multiselect"]:
        for earlier in [n for n, users in message.votes.items() if who.id in users]:
            message.votes[earlier].remove(who.id)
            _told(world, who, message, earlier, "MESSAGE_POLL_VOTE_REMOVE")
    message.votes.setdefault(answer_id, []).append(who.id)
    _told(world, who, message, answer_id, "MESSAGE_POLL_VOTE_ADD")


def close(world: World, who: User, message: Message) -> None:
    """End one's own poll at once. Raises 50005 for somebody else's, 50035 for a message without one."""
    if message.poll is None:
        raise form_error("message_id", "POLL_NOT_FOUND", "The message has no poll.")
    if message.author is not who:
        raise refuse(50005)
    message.poll |= {"closed": True, "expiry": iso(world.clock.now())}
    world.message_changed(message)


def _told(world: World, who: User, message: Message, answer_id: int, name: str) -> None:
    data: JSON = {
        "user_id": str(who.id),
        "channel_id": str(message.channel_id),
        "message_id": str(message.id),
        "answer_id": answer_id,
    }
    if message.guild_id is not None:
        data["guild_id"] = str(message.guild_id)
    world.emit(WorldEvent(name, data, message.guild_id, message.channel_id))
