"""REST: webhooks of a channel, which post under names of their own.

Source: docs.discord.com, developers/resources/webhook. Their messages are posted, read, edited and deleted through
the routes of interactions (``routes_application.py``), which tell the two apart by the id.
"""

from __future__ import annotations

import secrets

from sandbox.discord_api import messages, payloads
from sandbox.discord_api.guild_access import guild_of, record
from sandbox.discord_api.model import ChannelType
from sandbox.discord_api.permissions import Permission
from sandbox.discord_api.routes_channels import managed
from sandbox.discord_api.routing import Call, Reply, Router
from sandbox.discord_api.shapes import Id, Shape, Text
from sandbox.discord_api.wire import JSON, form_error, refuse
from sandbox.discord_api.world import WorldEvent

router = Router()
_BY_ID = "/webhooks/{webhook_id}"
_BY_TOKEN = "/webhooks/{webhook_id}/{token}"  # noqa: S105 - a path
_CREATE, _UPDATE, _DELETE = 50, 51, 52
_MOST = 15
_BODY = {"name": Text(low=1, high=80), "avatar": Shape(null=True), "channel_id": Id()}


@router.on(
    "POST",
    "/channels/{channel_id}/webhooks",
    major="channel_id",
    body={**_BODY, "name": Text(low=1, high=80, required=True)},
)
def create_webhook(call: Call) -> Reply:
    """A webhook of a text channel. Its name may not contain "clyde" or "discord"."""
    guild, channel = managed(call, Permission.MANAGE_WEBHOOKS)
    if channel.type not in (ChannelType.TEXT, ChannelType.ANNOUNCEMENT, ChannelType.VOICE):
        raise refuse(50024)
    _check_name(call.form.body)
    if sum(hook["channel_id"] == str(channel.id) for hook in call.world.webhooks.values()) >= _MOST:
        raise refuse(30007)
    webhook_id, token = call.world.ids.next(), secrets.token_urlsafe(48)
    hook: JSON = {
        "id": str(webhook_id),
        "type": 1,
        "name": call.form.body["name"],
        "avatar": None,
        "application_id": str(call.world.bot.id),
        "guild_id": str(guild.id),
        "channel_id": str(channel.id),
        "token": token,
        "url": f"{call.world.base_url}/api/webhooks/{webhook_id}/{token}",
        "user": payloads.user(call.world.bot),
    }
    call.world.webhooks[webhook_id] = hook
    _told(call, hook, _CREATE)
    return Reply(hook)


def _check_name(body: JSON) -> None:
    lowered = str(body.get("name") or "").lower()
    for word in ("clyde", "discord"):
        if word in lowered:
            raise form_error("name", "USERNAME_INVALID_CONTAINS", f'Username cannot contain "{word}"')


@router.on("GET", "/channels/{channel_id}/webhooks", major="channel_id")
def channel_webhooks(call: Call) -> Reply:
    """The webhooks of a channel."""
    _, channel = managed(call, Permission.MANAGE_WEBHOOKS)
    return Reply([hook for hook in call.world.webhooks.values() if hook["channel_id"] == str(channel.id)])


@router.on("GET", "/guilds/{guild_id}/webhooks", major="guild_id")
def guild_webhooks(call: Call) -> Reply:
    """The webhooks of a guild."""
    guild = guild_of(call, Permission.MANAGE_WEBHOOKS)
    return Reply([hook for hook in call.world.webhooks.values() if hook["guild_id"] == str(guild.id)])


def _own(call: Call) -> JSON:
    hook = call.world.webhooks.get(call.id("webhook_id"))
    if hook is None:
        raise refuse(10015)
    if "token" in call.params:
        if call.params["token"] != hook["token"]:
            raise refuse(50027)
        return hook
    channel = call.world.channel(int(hook["channel_id"]))
    messages.need(call.world, call.world.bot, channel, Permission.MANAGE_WEBHOOKS)
    return hook


def _get(call: Call) -> Reply:
    hook = _own(call)
    hidden = ("user",) if "token" in call.params else ()
    return Reply({key: value for key, value in hook.items() if key not in hidden})


def _patch(call: Call) -> Reply:
    hook, body = _own(call), call.form.body
    _check_name(body)
    if "channel_id" in body:
        channel = call.world.channel(body["channel_id"])
        if channel.guild_id != int(hook["guild_id"]) or channel.type == ChannelType.CATEGORY:
            raise refuse(10003)
        hook["channel_id"] = str(channel.id)
    hook["name"] = body.get("name") or hook["name"]
    _told(call, hook, _UPDATE)
    return Reply(hook)


def _delete(call: Call) -> Reply:
    hook = _own(call)
    del call.world.webhooks[int(hook["id"])]
    _told(call, hook, _DELETE)
    return Reply(status=204)


for _path in (_BY_ID, _BY_TOKEN):
    _open = _path == _BY_ID
    router.on("GET", _path, major="webhook_id", authorized=_open)(_get)
    router.on("PATCH", _path, major="webhook_id", authorized=_open, body=_BODY)(_patch)
    router.on("DELETE", _path, major="webhook_id", authorized=_open)(_delete)


def _told(call: Call, hook: JSON, action: int) -> None:
    guild_id, channel_id = int(hook["guild_id"]), int(hook["channel_id"])
    data = {"guild_id": hook["guild_id"], "channel_id": hook["channel_id"]}
    call.world.emit(WorldEvent("WEBHOOKS_UPDATE", data, guild_id, channel_id))
    record(call, call.world.guilds[guild_id], action, int(hook["id"]))
