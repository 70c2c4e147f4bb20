"""REST: emojis of a guild and of the application; stickers and sounds, of which this world has none.

Source: docs.discord.com, developers/resources/{emoji,sticker,soundboard}.
"""

from __future__ import annotations

import re
from functools import partial

from sandbox.discord_api import payloads
from sandbox.discord_api.guild_access import guild_of, record
from sandbox.discord_api.permissions import Permission
from sandbox.discord_api.routing import Call, Reply, Router
from sandbox.discord_api.shapes import Id, Listed, Text
from sandbox.discord_api.wire import JSON, form_error, refuse
from sandbox.discord_api.world import WorldEvent

router = Router()
_GUILD = "/guilds/{guild_id}/emojis"
_APPLICATION = "/applications/{application_id}/emojis"
_CREATE, _UPDATE, _DELETE = 60, 61, 62
_IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp|avif);base64,[A-Za-z0-9+/=\s]+")
_LARGEST = 256 * 1024
_NAME = re.compile(r"\w{2,32}")
_BODY = {"name": Text(), "roles": Listed(of=Id(), null=True)}
_NEW = {**_BODY, "name": Text(required=True), "image": Text(required=True)}


def _kept(call: Call, *, changing: bool = False) -> dict[int, JSON]:
    """The emojis of the guild or of the application that the path names."""
    if "guild_id" in call.params:
        needed = (Permission.MANAGE_GUILD_EXPRESSIONS,) if changing else ()
        return guild_of(call, *needed).emojis
    if call.id("application_id") != call.world.bot.id:
        raise refuse(50001)
    return call.world.emojis


def _list(call: Call) -> Reply:
    found = list(_kept(call).values())
    return Reply(found) if "guild_id" in call.params else Reply({"items": found})


def _one(call: Call, kept: dict[int, JSON]) -> JSON:
    emoji = kept.get(call.id("emoji_id"))
    if emoji is None:
        raise refuse(10014)
    return emoji


def _get(call: Call) -> Reply:
    return Reply(_one(call, _kept(call)))


def _check_name(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise form_error("name", "STRING_TYPE_REGEX", "Between 2 and 32 letters, digits or underscores.")
    return name


def _create(call: Call) -> Reply:
    kept, body = _kept(call, changing=True), call.form.body
    image = _IMAGE.fullmatch(body["image"])
    if image is None:
        raise form_error("image", "IMAGE_INVALID", "Invalid image data")
    if len(body["image"]) * 3 / 4 > _LARGEST:
        raise form_error("image", "BINARY_TYPE_MAX_SIZE", "File cannot be larger than 256.0 kb.")
    emoji: JSON = {
        "id": str(call.world.ids.next()),
        "name": _check_name(body["name"]),
        "roles": [str(role_id) for role_id in body.get("roles") or []],
        "user": payloads.user(call.world.bot),
        "require_colons": True,
        "managed": False,
        "animated": image.group(1) == "gif",
        "available": True,
    }
    kept[int(emoji["id"])] = emoji
    _told(call, emoji, _CREATE)
    return Reply(emoji, 201)


def _patch(call: Call) -> Reply:
    emoji, body = _one(call, _kept(call, changing=True)), call.form.body
    if "name" in body:
        emoji["name"] = _check_name(body["name"])
    if "roles" in body:
        emoji["roles"] = [str(role_id) for role_id in body["roles"] or []]
    _told(call, emoji, _UPDATE)
    return Reply(emoji)


def _delete(call: Call) -> Reply:
    kept = _kept(call, changing=True)
    emoji = _one(call, kept)
    del kept[int(emoji["id"])]
    _told(call, emoji, _DELETE)
    return Reply(status=204)


def _told(call: Call, emoji: JSON, action: int) -> None:
    if "guild_id" not in call.params:
        return
    guild = guild_of(call)
    data: JSON = {"guild_id": str(guild.id), "emojis": list(guild.emojis.values())}
    call.world.emit(WorldEvent("GUILD_EMOJIS_UPDATE", data, guild.id))
    record(call, guild, action, int(emoji["id"]))


for _base, _major in ((_GUILD, "guild_id"), (_APPLICATION, "application_id")):
    _on = partial(router.on, major=_major)
    _on("GET", _base)(_list)
    _on("POST", _base, body=_NEW)(_create)
    _on("GET", f"{_base}/{{emoji_id}}")(_get)
    _on("PATCH", f"{_base}/{{emoji_id}}", body=_BODY)(_patch)
    _on("DELETE", f"{_base}/{{emoji_id}}")(_delete)


# -- what this world has none of ---------------------------------------------------------------------------


@router.on("GET", "/soundboard-default-sounds")
def default_sounds(_: Call) -> Reply:
    """The sounds that every guild has; py-cord asks for them at each start."""
    return Reply([])


@router.on("GET", "/guilds/{guild_id}/soundboard-sounds", major="guild_id")
def guild_sounds(call: Call) -> Reply:
    """The sounds of a guild."""
    guild_of(call)
    return Reply({"items": []})


@router.on("GET", "/guilds/{guild_id}/stickers", major="guild_id")
def guild_stickers(call: Call) -> Reply:
    """The stickers of a guild."""
    guild_of(call)
    return Reply([])


@router.on("GET", "/sticker-packs")
def sticker_packs(_: Call) -> Reply:
    """The packs that Discord offers."""
    return Reply({"sticker_packs": []})
