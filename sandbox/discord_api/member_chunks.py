"""The answer to a request for members (op 8).

Source: docs.discord.com, developers/events/gateway-events, "Request Guild Members" and "Guild Members Chunk".
"""

from __future__ import annotations

from sandbox.discord_api import payloads
from sandbox.discord_api.wire import JSON
from sandbox.discord_api.world import World


def members_chunk(world: World, data: JSON) -> JSON | None:
    """The data of GUILD_MEMBERS_CHUNK, all members in one; None for a guild that is not there."""
    guild_id = data["guild_id"]
    guild = world.guilds.get(int(guild_id[0] if isinstance(guild_id, list) else guild_id))
    if guild is None:
        return None
    wanted = {str(i) for i in _listed(data.get("user_ids"))}
    query = str(data.get("query") or "").lower()
    found = [
        m
        for m in guild.members.values()
        if (str(m.user.id) in wanted if wanted else m.user.username.lower().startswith(query))
    ]
    chunk: JSON = {
        "guild_id": str(guild.id),
        "members": [payloads.member(m) for m in found],
        "chunk_index": 0,
        "chunk_count": 1,
        "not_found": sorted(wanted - {str(m.user.id) for m in found}),
        "presences": [],
    }
    if data.get("nonce"):
        chunk["nonce"] = data["nonce"]
    return chunk


def _listed(value: object) -> list[object]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
