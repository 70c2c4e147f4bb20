"""The answer to a request for members (op 8).

Source: docs.discord.com, developers/events/gateway-events, "Request Guild Members" and "Guild Members Chunk".
"""

from __future__ import annotations

from sandbox.discord_api import intents, payloads
from sandbox.discord_api.model import Guild, Member
from sandbox.discord_api.wire import JSON
from sandbox.discord_api.world import World

CHUNK = 1000
_MOST = 100
"""Members found by a prefix, and users asked for, in one request."""


def refusal(granted: int, data: JSON) -> int | None:
    """The close code for a request that may not be made.

    The whole list needs GUILD_MEMBERS and presences need GUILD_PRESENCES (4014); a request names either a query or
    users, and a limit that is a number (4002).
    """
    limit = data.get("limit", 0)
    malformed = not _is_guild(data.get("guild_id")) or type(limit) is not int or limit < 0
    if malformed or ("user_ids" not in data and not isinstance(data.get("query"), str)):
        return 4002
    whole = "user_ids" not in data and not data["query"] and limit == 0
    if whole and not granted & intents.GUILD_MEMBERS:
        return 4014
    return 4014 if data.get("presences") and not granted & intents.GUILD_PRESENCES else None


def members_chunks(world: World, data: JSON) -> list[JSON]:
    """The data of each GUILD_MEMBERS_CHUNK, up to 1,000 members in each; none for a guild that is not there."""
    guild_id = data["guild_id"]
    guild = world.guilds.get(int(guild_id[0] if isinstance(guild_id, list) else guild_id))
    if guild is None:
        return []
    wanted = {str(i) for i in _listed(data.get("user_ids"))[:_MOST]}
    found = _found(guild, wanted, data)
    parts = [found[start : start + CHUNK] for start in range(0, len(found), CHUNK)] or [[]]
    return [
        {
            "guild_id": str(guild.id),
            "members": [payloads.member(m) for m in part],
            "chunk_index": index,
            "chunk_count": len(parts),
            "not_found": sorted(wanted - {str(m.user.id) for m in found}) if index == 0 else [],
            "presences": [_presence(guild, m) for m in part] if data.get("presences") else [],
            **({"nonce": data["nonce"]} if data.get("nonce") else {}),
        }
        for index, part in enumerate(parts)
    ]


def _found(guild: Guild, wanted: set[str], data: JSON) -> list[Member]:
    if wanted:
        return [m for m in guild.members.values() if str(m.user.id) in wanted]
    query, limit = str(data.get("query") or "").lower(), int(data.get("limit") or 0)
    named = [m for m in guild.members.values() if m.called(query)]
    whole = not query and limit == 0
    return named if whole else named[: min(limit or _MOST, _MOST)]


def _presence(guild: Guild, member: Member) -> JSON:
    return {
        "user": {"id": str(member.user.id)},
        "guild_id": str(guild.id),
        "status": "online",
        "activities": [],
        "client_status": {"desktop": "online"},
    }


def _is_guild(value: object) -> bool:
    one = value[0] if isinstance(value, list) and len(value) == 1 else value
    return str(one).isdecimal() and len(str(one)) <= 20


def _listed(value: object) -> list[object]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
