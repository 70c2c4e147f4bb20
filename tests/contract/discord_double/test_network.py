"""Latency, outages and scripted failures: what a bot must survive, and what benchmarks measure with."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp
import discord
import pytest

from sandbox.discord_api import DiscordDouble


async def test_a_request_takes_effect_half_a_round_trip_before_its_answer(double: DiscordDouble, bot: Any) -> None:
    """``history`` is stamped when the text became visible, not when the client learned of it."""
    channel = bot.get_partial_messageable(double.channel("general").id)
    message = await channel.send("0")
    double.latency = 0.2
    began = time.monotonic()
    await channel.get_partial_message(message.id).edit(content="1")
    ended = time.monotonic()
    applied = double.world.messages[message.id].history[-1].applied_at
    assert applied - began >= 0.1
    assert ended - applied >= 0.1


async def test_requests_do_not_wait_for_each_other(double: DiscordDouble, bot: Any) -> None:
    """Latency is travelling time, not work."""
    double.latency = 0.2
    guild = next(iter(double.world.guilds))
    began = time.monotonic()
    await asyncio.gather(*(bot.http.get_member(guild, double.application_id) for _ in range(5)))
    assert time.monotonic() - began < 0.9


async def test_a_scripted_code_meets_the_next_request(double: DiscordDouble, bot: Any) -> None:
    """The message is untouched, and the request after it goes well."""
    channel = bot.get_partial_messageable(double.channel("general").id)
    message = await channel.send("0")
    double.faults.next("PATCH", "/channels/*/messages/*", 50013)
    partial = channel.get_partial_message(message.id)
    with pytest.raises(discord.Forbidden) as refused:
        await partial.edit(content="1")
    assert refused.value.code == 50013
    assert double.world.messages[message.id].text == "0"
    await partial.edit(content="2")
    assert [traced.status for traced in double.trace if traced.method == "PATCH"] == [403, 200]


async def test_an_answer_can_get_lost_after_its_request_took_effect(double: DiscordDouble, bot: Any) -> None:
    """discord.py repeats after a 500; its ``send`` carries a nonce, a bare POST makes the message twice."""
    double.faults.next("POST", "/channels/*/messages", 500, applied=True, times=1)
    channel = double.channel("general")
    await bot.get_partial_messageable(channel.id).send("once")
    double.faults.next("POST", "/channels/*/messages", 500, applied=True)
    route = discord.http.Route("POST", "/channels/{channel_id}/messages", channel_id=channel.id)
    await bot.http.request(route, json={"content": "twice"})
    assert [m.text for m in double.messages("general")] == ["once", "twice", "twice"]


async def test_a_connection_can_break(double: DiscordDouble, bot: Any) -> None:
    """A reset instead of an answer; discord.py passes it on to its caller or tries again."""
    double.faults.next("PATCH", "/webhooks/*/messages/@original", "reset", times=5)

    async def reply(interaction: discord.Interaction[Any]) -> None:
        await interaction.response.send_message("one")
        await interaction.edit_original_response(content="two")

    bot.reply = reply
    await double.person("ada").slash("general", "ask", prompt="why?")
    await double.wait_until(lambda: bot.errors)
    assert double.messages("general")[0].text == "one"


async def test_an_outage_ends_by_itself(double: DiscordDouble, bot: Any) -> None:
    """Every request gets 503 while it lasts; the gateway takes no new connection."""
    double.faults.outage(60)
    route = discord.http.Route("GET", "/users/@me")
    with pytest.raises(discord.DiscordServerError):
        await bot.http.request(route)
    async with aiohttp.ClientSession() as session, session.get(double.gateway_url) as answer:
        assert answer.status == 503
    double.faults.outage(0.01)
    await double.clock.sleep(0.02)
    assert (await bot.http.request(route))["id"] == str(double.application_id)


@pytest.mark.parametrize(
    ("prefix", "status"), [("/api", 200), ("/api/v9", 200), ("/api/v10", 200), ("/api/v6", 400), ("/api/v11", 400)]
)
async def test_the_api_has_two_versions(double: DiscordDouble, prefix: str, status: int) -> None:
    """9 and 10, which do the same here; others are refused (50041)."""
    headers = {"Authorization": f"Bot {double.token}"}
    url = f"{double.world.base_url}{prefix}/users/@me"
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        assert answer.status == status
        assert (await answer.json()).get("code") == (None if status == 200 else 50041)


async def test_a_body_may_be_json_a_form_or_several_parts(double: DiscordDouble) -> None:
    """Urlencoded, as OAuth's clients send; parts without ``payload_json``, as curl's users write them."""
    url = f"{double.api_url}/channels/{double.channel('general').id}/messages"
    parts = aiohttp.FormData({"content": "parts"})
    parts.add_field("files[0]", b"x", filename="x.txt")
    async with aiohttp.ClientSession(headers={"Authorization": f"Bot {double.token}"}) as session:
        for json, data in (({"content": "json"}, None), (None, {"content": "form"}), (None, parts)):
            async with session.post(url, json=json, data=data) as answer:
                assert answer.status == 200
    assert [m.text for m in double.messages("general")] == ["json", "form", "parts"]
    assert double.messages("general")[-1].file("x.txt") == b"x"


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/guilds/1/members/search/x", 404, "404: Not Found"),
        (
            "GET",
            "/stage-instances/1",
            404,
            "404: Not Found (the sandbox does not have GET /stage-instances/{channel_id})",
        ),
        ("PUT", "/users/@me/guilds", 405, "405: Method Not Allowed"),
    ],
)
async def test_what_is_missing_is_named(
    double: DiscordDouble, method: str, path: str, status: int, message: str
) -> None:
    """An operation that Discord has and the double has not; its neighbours do not take it for an id."""
    headers = {"Authorization": f"Bot {double.token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, double.api_url + path) as answer,
    ):
        assert (answer.status, (await answer.json())["message"]) == (status, message)
    assert double.trace[-1].status == status
