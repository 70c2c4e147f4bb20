"""The gateway as discord.py meets it.

Source: docs.discord.com, developers/events/gateway and developers/topics/opcodes-and-status-codes.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable
from typing import Any

import aiohttp
import discord
import pytest
import yarl

from sandbox.discord_api import DiscordDouble
from tests.contract.discord_double.conftest import connected

Frame = dict[str, Any]
Socket = aiohttp.ClientWebSocketResponse


async def test_ready_tells_who_and_where(double: DiscordDouble, bot: Any) -> None:
    """READY, then GUILD_CREATE with channels and roles; the people see the bot's presence."""
    assert bot.user.id == double.application_id
    assert {guild.name for guild in bot.guilds} == {"Team", "Other team"}
    team = discord.utils.get(bot.guilds, name="Team")
    assert {channel.name for channel in team.text_channels} == {"general", "random", "ops"}
    assert team.me.guild_permissions.send_messages
    await bot.change_presence(activity=discord.CustomActivity("2 questions waiting"))
    await double.wait_until(lambda: double.gateway.presence()["text"] == "2 questions waiting")


async def test_a_lost_connection_is_resumed_with_what_was_missed(double: DiscordDouble, bot: Any) -> None:
    """RESUME replays the events since the last sequence number; nothing comes twice."""
    await double.gateway.drop()
    said = await double.person("ada").say("general", f"<@{double.application_id}> are you there?")
    await double.wait_until(lambda: bot.seen and bot.resumed)
    assert [message.id for message in bot.seen] == [said.id]
    assert double.gateway.resumes == 1
    assert double.gateway.identifies == 1


async def test_the_server_can_ask_to_reconnect(double: DiscordDouble, bot: Any) -> None:
    """RECONNECT (op 7) leads to a RESUME."""
    double.gateway.ask_to_reconnect()
    await double.wait_until(lambda: bot.resumed)
    assert double.gateway.resumes == 1


async def test_a_forgotten_session_is_invalid(double: DiscordDouble) -> None:
    """INVALID_SESSION (op 9) that cannot be resumed: the client has to identify again."""
    async with aiohttp.ClientSession() as session, session.ws_connect(double.gateway_url) as socket:
        assert (await socket.receive_json())["op"] == 10
        body = {"token": double.token, "session_id": "nobody's", "seq": 3}
        await socket.send_str(json.dumps({"op": 6, "d": body}))
        answer = await socket.receive_json()
        assert (answer["op"], answer["d"]) == (9, False)
        await socket.send_str(json.dumps({"op": 2, "d": {"token": double.token, "intents": 1}}))
        assert (await socket.receive_json())["t"] == "READY"


async def test_a_wrong_token_is_refused(double: DiscordDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """REST answers 401; the gateway closes with 4004, as when a token is reset while the bot connects."""
    monkeypatch.setattr(discord.http.Route, "BASE", double.api_url)
    monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(double.gateway_url))
    async with discord.Client(intents=discord.Intents(guilds=True)) as client:
        with pytest.raises(discord.LoginFailure):
            await client.login("wrong")
    async with discord.Client(intents=discord.Intents(guilds=True)) as client:
        await client.login(double.token)
        client.http.token = "wrong"
        with pytest.raises(discord.ConnectionClosed) as closed:
            await client.connect()
        assert closed.value.code == 4004


async def test_privileged_intents_must_be_granted(double: DiscordDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """4014 for an intent that the portal does not grant; discord.py has an error of its own for it."""
    monkeypatch.setattr(discord.http.Route, "BASE", double.api_url)
    monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(double.gateway_url))
    async with discord.Client(intents=discord.Intents.all()) as client:
        with pytest.raises(discord.PrivilegedIntentsRequired):
            await client.start(double.token)


async def test_too_many_sends_close_the_connection(double: DiscordDouble) -> None:
    """120 in 60 s, then 4008."""
    async with aiohttp.ClientSession() as session, session.ws_connect(double.gateway_url) as socket:
        for _ in range(121):
            await socket.send_str(json.dumps({"op": 1, "d": None}))
        while (await socket.receive()).type is aiohttp.WSMsgType.TEXT:
            pass
        assert socket.close_code == 4008


async def test_a_token_may_have_two_sessions_for_one_shard(double: DiscordDouble) -> None:
    """Each is sent every event: "You can establish multiple sessions with the same [shard_id, num_shards]".

    Source: developers/events/gateway, "Sharding".
    """
    body = {"token": double.token, "intents": discord.Intents.default().value}
    double.session_starts.identify_every = 0.0
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(double.gateway_url) as first,
        session.ws_connect(double.gateway_url) as second,
    ):
        for socket in (first, second):
            await socket.send_str(json.dumps({"op": 2, "d": body}))
        await double.wait_until(lambda: double.gateway.connected == 2)
        said = await double.person("ada").say("general", f"<@{double.application_id}> hello")
        for socket in (first, second):
            async with asyncio.timeout(5):
                while (frame := await socket.receive_json()).get("t") != "MESSAGE_CREATE":
                    pass
            assert frame["d"]["id"] == str(said.id)


async def test_content_needs_the_intent_or_a_reason(double: DiscordDouble, bot: Any) -> None:
    """Blank without MESSAGE_CONTENT, except: own, direct, mentioning, a pinging reply to a plain message.

    Source: developers/events/gateway, "Message Content Intent".
    """
    ada, me = double.person("ada"), f"<@{double.application_id}>"
    channel = bot.get_partial_messageable(double.channel("general").id)
    plain = double.world.messages[(await channel.send("plain")).id]
    answer = await (await ada.slash("random", "ask", prompt="why?")).response()
    bot.seen.clear()
    await ada.say("general", "hidden")
    await ada.say("general", f"{me} shown")
    await ada.say("general", "shown to the one it answers", reply_to=plain)
    await ada.say("general", "hidden without its bell", reply_to=plain, ping=False)
    await ada.say("random", "hidden although it pings", reply_to=answer)
    await ada.say(ada.dm, "shown directly")
    await double.wait_until(lambda: len([m for m in bot.seen if m.author.id == ada.id]) == 6)
    contents = [m.content for m in bot.seen if m.author.id == ada.id]
    assert contents == ["", f"{me} shown", "shown to the one it answers", "", "", "shown directly"]


async def test_the_intent_shows_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """With MESSAGE_CONTENT granted and asked for, nothing is blank."""
    async with DiscordDouble(latency=0, privileged_intents=["message_content"]) as double:
        intents = discord.Intents(guilds=True, guild_messages=True, message_content=True)
        async with connected(double, monkeypatch, intents) as bot:
            await double.person("ada").say("general", "not hidden")
            await double.wait_until(lambda: bot.seen)
            assert bot.seen[0].content == "not hidden"


async def test_events_go_only_where_an_intent_asks_for_them(
    double: DiscordDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With GUILDS alone interactions come, messages do not."""
    async with connected(double, monkeypatch, discord.Intents(guilds=True)) as bot:
        await double.person("ada").say("general", f"<@{double.application_id}> hello?")
        asked = await double.person("ada").slash("general", "ask", prompt="why?")
        assert (await asked.response()).text == "hello"
        assert bot.seen == []


async def test_two_shards_share_the_guilds(monkeypatch: pytest.MonkeyPatch) -> None:
    """``(guild_id >> 22) % shards``; direct messages go to shard 0."""
    double = DiscordDouble(latency=0)
    double.session_starts.max_concurrency = 2
    async with double, connected(double, monkeypatch, shard_count=2) as bot:
        assert sorted(guild.shard_id for guild in bot.guilds) == [0, 1]
        for name, channel in (("ada", "general"), ("stranger", "lobby")):
            asked = await double.person(name).slash(channel, "ask", prompt="why?")
            assert (await asked.response()).text == "hello"


async def identified(socket: Socket, double: DiscordDouble, *shard: object) -> Frame:
    """What the gateway answers to an IDENTIFY as this ``[shard_id, num_shards]``: a frame, or its close code."""
    intents = discord.Intents(guilds=True, guild_messages=True, dm_messages=True).value
    body: Frame = {"token": double.token, "intents": intents}
    if shard:
        body["shard"] = list(shard)
    await socket.send_str(json.dumps({"op": 2, "d": body}))
    return await frame_of(socket, lambda frame: frame["op"] != 10)


async def frame_of(socket: Socket, wanted: Callable[[Frame], object]) -> Frame:
    """The next frame that is wanted; ``{"closed": code}`` when the socket is closed instead."""
    async with asyncio.timeout(5):
        while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
            if wanted(frame := json.loads(message.data)):
                return dict(frame)
    return {"closed": socket.close_code}


async def test_a_shard_hears_of_its_own_guilds_and_shard_0_of_direct_messages(double: DiscordDouble) -> None:
    """Also when each shard is a process of its own, and the application's shards are not all there."""
    double.session_starts.max_concurrency = 2
    ada, stranger = double.person("ada"), double.person("stranger")
    homes = {double.channel(name).guild_id or 0: name for name in ("general", "lobby")}
    rooms = {(guild_id >> 22) % 2: name for guild_id, name in homes.items()}
    async with aiohttp.ClientSession() as session:
        sockets = [await session.ws_connect(double.gateway_url) for _ in range(2)]
        for shard, socket in enumerate(sockets):
            ready = await identified(socket, double, shard, 2)
            assert ready["d"]["shard"] == [shard, 2]
            assert len(ready["d"]["guilds"]) == 1
        said: dict[int, list[int]] = {0: [], 1: []}
        for text in ("hello", "last"):
            for shard, room in rooms.items():
                who = ada if room == "general" else stranger
                said[shard].append((await who.say(room, f"<@{double.application_id}> {text}")).id)
            if text == "hello":
                said[0].append((await ada.say(ada.dm, text)).id)
        for shard, socket in enumerate(sockets):
            heard: list[int] = []
            while said[shard][-1] not in heard:
                frame = await frame_of(socket, lambda frame: frame.get("t") == "MESSAGE_CREATE")
                heard.append(int(frame["d"]["id"]))
            assert heard == said[shard]


async def test_a_bucket_takes_one_identify_in_its_time(double: DiscordDouble) -> None:
    """The bucket is ``shard_id % max_concurrency``; too early a one gets an invalid session (op 9)."""
    starts = double.session_starts
    starts.max_concurrency, starts.identify_every = 2, 60.0
    async with aiohttp.ClientSession() as session:
        answers = [
            await identified(await session.ws_connect(double.gateway_url), double, shard, 4) for shard in range(3)
        ]
    assert [answer.get("t") or (answer["op"], answer["d"]) for answer in answers] == ["READY", "READY", (9, False)]
    assert starts.too_early == [2]


async def test_what_is_left_for_today_is_told_and_used_up(double: DiscordDouble) -> None:
    """One IDENTIFY too many and the token is worth nothing (Discord resets it)."""
    starts = double.session_starts
    starts.identify_every, starts.remaining, starts.recommended = 0.0, 1, 3
    headers = {"Authorization": f"Bot {double.token}"}
    async with aiohttp.ClientSession() as session:
        told = []
        for _ in range(2):
            async with session.get(f"{double.api_url}/gateway/bot", headers=headers) as answer:
                body = await answer.json()
                told.append((body["shards"], body["session_start_limit"]["remaining"]))
            first = await identified(await session.ws_connect(double.gateway_url), double)
            assert first.get("t", first.get("closed")) == ("READY" if len(told) == 1 else 4004)
    assert told == [(3, 1), (3, 0)]


@pytest.mark.parametrize(
    ("shard", "code"),
    [((2, 2), 4010), ((-1, 2), 4010), (("0", 1), 4010), ((0,), 4010), ((0, 1), 4011), ((), 4011)],
)
async def test_a_shard_that_cannot_be_is_refused(
    double: DiscordDouble, shard: tuple[object, ...], code: int
) -> None:
    """4010: no such shard; 4011: the application is in more guilds than so few shards may have."""
    double.session_starts.fewest = 2
    async with aiohttp.ClientSession() as session, session.ws_connect(double.gateway_url) as socket:
        assert await identified(socket, double, *shard) == {"closed": code}


async def test_a_cut_session_can_be_resumed_although_another_process_has_begun_one(double: DiscordDouble) -> None:
    """As in a rolling restart: the old process loses its connection while the new one begins."""
    async with aiohttp.ClientSession() as session:
        first = await session.ws_connect(double.gateway_url)
        ready = await identified(first, double, 0, 1)
        await first.close()
        await double.wait_until(lambda: not double.gateway.connected)
        double.session_starts.identify_every = 0.0
        second = await session.ws_connect(double.gateway_url)
        assert (await identified(second, double, 0, 1))["t"] == "READY"
        again = await session.ws_connect(double.gateway_url)
        resume = {"token": double.token, "session_id": ready["d"]["session_id"], "seq": ready["s"]}
        await again.send_str(json.dumps({"op": 6, "d": resume}))
        assert (await frame_of(again, lambda frame: frame.get("t") == "RESUMED"))["t"] == "RESUMED"


async def test_one_shard_can_be_cut_off(double: DiscordDouble) -> None:
    """The other one stays."""
    double.session_starts.max_concurrency = 2
    async with aiohttp.ClientSession() as session:
        sockets = [await session.ws_connect(double.gateway_url) for _ in range(2)]
        for shard, socket in enumerate(sockets):
            await identified(socket, double, shard, 2)
        await double.gateway.drop(4000, shard=1)
        assert await frame_of(sockets[1], lambda _: False) == {"closed": 4000}
        await double.wait_until(lambda: double.gateway.ready_shards == {0})


async def test_threads_and_members_are_announced(double: DiscordDouble, bot: Any) -> None:
    """THREAD_CREATE reaches the bot; member chunks answer op 8."""
    channel = bot.get_channel(double.channel("general").id)
    thread = await channel.create_thread(name="Talk", type=discord.ChannelType.public_thread)
    assert bot.get_channel(thread.id) is not None
    team = discord.utils.get(bot.guilds, name="Team")
    found = await team.query_members("ad", limit=5)
    assert [member.name for member in found] == ["ada"]


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("no JSON", 4002),
        ("[]", 4002),
        ('{"op": 3, "d": {}}', 4003),
        ('{"op": 99, "d": {}}', 4001),
        ('{"op": 2, "d": {"token": "TOKEN", "intents": 0}}', 4005),
        ('{"op": 2, "d": {"token": "TOKEN", "intents": 0, "shard": [2, 2]}}', 4010),
        ('{"op": 2, "d": {"token": "TOKEN", "intents": 262144}}', 4013),
        ('{"op": 2, "d": {"token": "TOKEN", "intents": "all"}}', 4013),
        ('{"op": 1, "d": "' + "x" * 4100 + '"}', 4002),
    ],
)
async def test_protocol_errors_have_their_close_codes(double: DiscordDouble, frame: str, code: int) -> None:
    """Source: developers/topics/opcodes-and-status-codes, "Gateway Close Event Codes"."""
    identify = json.dumps({"op": 2, "d": {"token": double.token, "intents": 0}})
    async with aiohttp.ClientSession() as session, session.ws_connect(double.gateway_url) as socket:
        if code in {4001, 4005}:  # what only an identified client can do wrong
            await socket.send_str(identify)
        await socket.send_str(frame.replace("TOKEN", double.token))
        async with asyncio.timeout(5):
            while (await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
        assert socket.close_code == code


@pytest.mark.parametrize(
    ("query", "code"),
    [("v=6&encoding=json", 4012), ("v=10&encoding=etf", 4002), ("v=10&compress=zstd-stream", 4002)],
)
async def test_what_the_gateway_does_not_speak_is_refused(double: DiscordDouble, query: str, code: int) -> None:
    """Another version (4012), ETF, a compression that Python 3.11 does not have."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{double.gateway_url}/?{query}") as socket,
    ):
        async with asyncio.timeout(5):
            assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == code


async def test_frames_may_be_one_zlib_stream_and_binary(double: DiscordDouble) -> None:
    """``compress=zlib-stream``: each frame ends with a flush; a client may send its frames as bytes."""
    reader = zlib.decompressobj()
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{double.gateway_url}/?v=10&encoding=json&compress=zlib-stream") as socket,
    ):

        async def frame() -> Frame:
            async with asyncio.timeout(5):
                packed = await socket.receive_bytes()
            assert packed.endswith(b"\x00\x00\xff\xff")
            return json.loads(reader.decompress(packed))  # type: ignore[no-any-return]  # JSON is of any type

        hello = await frame()
        assert set(hello) == {"op", "d", "s", "t"}
        await socket.send_bytes(json.dumps({"op": 2, "d": {"token": double.token, "intents": 1}}).encode())
        assert [(await frame())["t"] for _ in range(3)] == ["READY", "GUILD_CREATE", "GUILD_CREATE"]
