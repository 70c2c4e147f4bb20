"""REST: scheduled events.

Source: docs.discord.com, developers/resources/guild-scheduled-event.
"""

from __future__ import annotations

from sandbox.discord_api.guild_access import guild_of, record
from sandbox.discord_api.model import ChannelType, Guild
from sandbox.discord_api.permissions import Permission
from sandbox.discord_api.routing import Call, Reply, Router
from sandbox.discord_api.shapes import Choice, Flag, Id, Integer, Moment, Record, Text
from sandbox.discord_api.wire import JSON, form_error, iso, refuse
from sandbox.discord_api.world import WorldEvent

router = Router()
_EVENTS = "/guilds/{guild_id}/scheduled-events"
_EVENT = "/guilds/{guild_id}/scheduled-events/{event_id}"
_CREATE, _UPDATE, _DELETE = 100, 101, 102
_STAGE, _VOICE, _EXTERNAL = 1, 2, 3
_SCHEDULED, _ACTIVE, _COMPLETED, _CANCELED = 1, 2, 3, 4
_NEXT = {_SCHEDULED: (_ACTIVE, _CANCELED), _ACTIVE: (_COMPLETED,)}
_BODY = {
    "name": Text(low=1, high=100),
    "description": Text(high=1000, null=True),
    "channel_id": Id(null=True),
    "entity_type": Choice(among=(_STAGE, _VOICE, _EXTERNAL)),
    "entity_metadata": Record(fields={"location": Text(low=1, high=100, null=True)}, null=True),
    "privacy_level": Choice(among=(2,)),
    "scheduled_start_time": Moment(),
    "scheduled_end_time": Moment(null=True),
    "status": Choice(among=(_SCHEDULED, _ACTIVE, _COMPLETED, _CANCELED), null=True),
}
_NEEDED = {
    "name": Text(low=1, high=100, required=True),
    "entity_type": Choice(among=(_STAGE, _VOICE, _EXTERNAL), required=True),
    "privacy_level": Choice(among=(2,), required=True),
    "scheduled_start_time": Moment(required=True),
}


@router.on("GET", _EVENTS, major="guild_id", query={"with_user_count": Flag()})
def list_events(call: Call) -> Reply:
    """The events of a guild."""
    return Reply(list(guild_of(call).events.values()))


@router.on("POST", _EVENTS, major="guild_id", body={**_BODY, **_NEEDED})
def create_event(call: Call) -> Reply:
    """A new event, in a voice channel or anywhere."""
    guild = guild_of(call, Permission.MANAGE_EVENTS)
    event: JSON = {
        "id": str(call.world.ids.next()),
        "guild_id": str(guild.id),
        "channel_id": None,
        "creator_id": str(call.world.bot.id),
        "name": "",
        "description": None,
        "image": None,
        "scheduled_start_time": "",
        "scheduled_end_time": None,
        "status": _SCHEDULED,
        "entity_type": _EXTERNAL,
        "entity_id": None,
        "entity_metadata": None,
        "privacy_level": 2,
        "recurrence_rule": None,
        "guild_scheduled_event_exceptions": [],
        "user_count": 0,
    }
    event = _changed(call, event, {k: v for k, v in call.form.body.items() if k != "status"})
    guild.events[int(event["id"])] = event
    _told(call, guild, event, "GUILD_SCHEDULED_EVENT_CREATE", _CREATE)
    return Reply(event)


def _event(call: Call, guild: Guild) -> JSON:
    event = guild.events.get(call.id("event_id"))
    if event is None:
        raise refuse(10070)
    return event


@router.on("GET", _EVENT, major="guild_id", query={"with_user_count": Flag()})
def get_event(call: Call) -> Reply:
    """One event."""
    return Reply(_event(call, guild_of(call)))


@router.on("PATCH", _EVENT, major="guild_id", body=_BODY)
def edit_event(call: Call) -> Reply:
    """Change an event, start it, end it."""
    guild = guild_of(call, Permission.MANAGE_EVENTS)
    event = _event(call, guild)
    wanted = call.form.body.get("status")
    if wanted is not None and wanted != event["status"] and wanted not in _NEXT.get(event["status"], ()):
        raise form_error("status", "GUILD_SCHEDULED_EVENT_STATUS_INVALID", "Invalid transition of the status.")
    event = _changed(call, event, call.form.body)
    guild.events[int(event["id"])] = event
    _told(call, guild, event, "GUILD_SCHEDULED_EVENT_UPDATE", _UPDATE)
    return Reply(event)


@router.on("DELETE", _EVENT, major="guild_id")
def delete_event(call: Call) -> Reply:
    """Delete an event."""
    guild = guild_of(call, Permission.MANAGE_EVENTS)
    event = _event(call, guild)
    del guild.events[int(event["id"])]
    _told(call, guild, event, "GUILD_SCHEDULED_EVENT_DELETE", _DELETE)
    return Reply(status=204)


@router.on(
    "GET",
    f"{_EVENT}/users",
    major="guild_id",
    query={"limit": Integer(low=1, high=100), "with_member": Flag(), "before": Id(), "after": Id()},
)
def event_users(call: Call) -> Reply:
    """Nobody of this world has marked an event."""
    _event(call, guild_of(call))
    return Reply([])


def _changed(call: Call, event: JSON, body: JSON) -> JSON:
    """The event with what the body says. Raises 50035 where place and kind do not go together."""
    plain = ("name", "description", "entity_type", "entity_metadata", "privacy_level", "status")
    made = {**event, **{key: body[key] for key in plain if key in body and (key != "status" or body[key])}}
    for key in ("scheduled_start_time", "scheduled_end_time"):
        if key in body:
            made[key] = iso(body[key]) if body[key] is not None else None
    if "channel_id" in body:
        made["channel_id"] = str(body["channel_id"]) if body["channel_id"] is not None else None
    if "scheduled_start_time" in body and body["scheduled_start_time"] <= call.world.clock.now():
        raise form_error(
            "scheduled_start_time", "GUILD_SCHEDULED_EVENT_SCHEDULE_PAST", "Cannot schedule in the past."
        )
    if made["entity_type"] == _EXTERNAL:
        if not (made["entity_metadata"] or {}).get("location"):
            raise form_error("entity_metadata.location", "BASE_TYPE_REQUIRED", "This field is required")
        if made["scheduled_end_time"] is None:
            raise form_error("scheduled_end_time", "BASE_TYPE_REQUIRED", "This field is required")
        made["channel_id"] = None
        return made
    channel = call.world.channels.get(int(made["channel_id"] or 0))
    if channel is None or channel.type not in ChannelType.VOICES or str(channel.guild_id) != event["guild_id"]:
        raise form_error("channel_id", "BASE_TYPE_REQUIRED", "A voice or stage channel is required")
    return made


def _told(call: Call, guild: Guild, event: JSON, name: str, action: int) -> None:
    call.world.emit(WorldEvent(name, event, guild.id))
    record(call, guild, action, int(event["id"]))
