"""What an identified client asks of the gateway.

Source: docs.discord.com, developers/events/gateway-events, "Send Events".
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp

from sandbox.discord_api import DiscordDouble

Frame = dict[str, Any]


async def _asked(double: DiscordDouble, intents: int, *frames: Frame) -> list[Frame]:
    """The dispatches that follow frames of an identified client, until one of a message that is said last."""
    async with aiohttp.ClientSession() as session, session.ws_connect(double.gateway_url) as socket:
        identify = {"op": 2, "d": {"token": double.token, "intents": intents | 1 << 9}}
        for sent in (identify, *frames):
            await socket.send_str(json.dumps(sent))
        found: list[Frame] = []
        async with asyncio.timeout(5):
            while len(found) < 3:  # READY, two guilds
                found += [f for f in [await socket.receive_json()] if f["t"]]
            await double.person("ada").say("general", "the end")
            while (frame := await socket.receive_json())["t"] != "MESSAGE_CREATE":
                found.append(frame)
    return found[3:]


async def test_members_come_in_chunks_of_a_thousand(double: DiscordDouble) -> None:
    """A limit for a prefix, the whole list with GUILD_MEMBERS, presences with GUILD_PRESENCES."""
    double.world.privileged_intents = 1 << 1 | 1 << 8
    guild = next(g for g in double.world.guilds.values() if g.name == "Team")
    for _ in range(1000):
        double.new_person("crowd")
    asked = {"guild_id": str(guild.id), "nonce": "n"}
    found = await _asked(
        double,
        1 << 1 | 1 << 8,
        {"op": 8, "d": {**asked, "query": "crowd", "limit": 3, "presences": True}},
        {"op": 8, "d": {**asked, "query": "", "limit": 0}},
        {"op": 31, "d": {"guild_ids": [str(guild.id)]}},
    )
    assert [frame["t"] for frame in found] == [*["GUILD_MEMBERS_CHUNK"] * 3, "SOUNDBOARD_SOUNDS"]
    few, *rest = (frame["d"] for frame in found[:3])
    assert (len(few["members"]), len(few["presences"]), few["nonce"]) == (3, 3, "n")
    assert [(c["chunk_index"], c["chunk_count"]) for c in rest] == [(0, 2), (1, 2)]
    assert len(rest[0]["members"]) == 1000


async def test_the_whole_list_of_members_needs_its_intent(double: DiscordDouble) -> None:
    """4014 for who asks for all members without GUILD_MEMBERS."""
    guild = next(iter(double.world.guilds))
    async with aiohttp.ClientSession() as session, session.ws_connect(double.gateway_url) as socket:
        await socket.send_str(json.dumps({"op": 2, "d": {"token": double.token, "intents": 1}}))
        await socket.send_str(json.dumps({"op": 8, "d": {"guild_id": str(guild), "query": "", "limit": 0}}))
        async with asyncio.timeout(5):
            while (await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
        assert socket.close_code == 4014
