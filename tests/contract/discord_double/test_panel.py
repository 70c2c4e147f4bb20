"""What the control panel of the page can see and change, over HTTP as the page does it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import aiohttp
import discord
import pytest

from sandbox.discord_api import DiscordDouble, RefusedError
from sandbox.parallax import ParallaxDouble
from tests.contract.discord_double.conftest import connected


class Panel:
    """The panel of a page."""

    def __init__(self, double: DiscordDouble, session: aiohttp.ClientSession) -> None:
        self._base = double.page_url + "_sandbox"
        self._session = session

    async def see(self, what: str) -> Any:
        """What a part of the panel shows."""
        async with self._session.get(f"{self._base}/{what}") as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def turn(self, what: str, status: int = 200, **body: object) -> Any:
        """Turn a switch; returns the answer."""
        async with self._session.post(f"{self._base}/{what}", json=body) as answer:
            assert answer.status == status, await answer.text()
            return await answer.json()


@pytest.fixture
async def panel(double: DiscordDouble) -> AsyncIterator[Panel]:
    """An open panel."""
    async with aiohttp.ClientSession() as session:
        yield Panel(double, session)


async def test_time_can_be_sped_up_and_moved(double: DiscordDouble, panel: Panel) -> None:
    """The sandbox's clock jumps and runs faster; nonsense is refused with a sentence."""
    before = double.clock.now()
    state = await panel.turn("discord", advance=900)
    assert state["now"] >= before + 900
    assert (await panel.turn("discord", speed=60))["speed"] == 60
    assert "from 0" in (await panel.turn("discord", 400, latency=-1))["error"]
    assert "no switch" in (await panel.turn("discord", 400, weather="sunny"))["error"]
    await panel.turn("discord", 400, speed=0)
    assert double.clock.scale == 60


async def test_a_message_of_the_bot_can_be_deleted_under_it(double: DiscordDouble, bot: Any, panel: Panel) -> None:
    """As a moderator would: the bot's next edit meets 10008."""
    asked = await double.person("ada").slash("general", "ask", prompt="why")
    shown = await asked.response()
    await panel.turn("discord", delete_message={"channel_id": str(shown.channel_id), "message_id": str(shown.id)})
    assert shown.deleted
    with pytest.raises(discord.NotFound) as refused:
        await bot.http.edit_message(shown.channel_id, shown.id, params=discord.http.handle_message_parameters("x"))
    assert refused.value.code == 10008
    again = {"channel_id": str(shown.channel_id), "message_id": str(shown.id)}
    assert "Unknown Message" in (await panel.turn("discord", 400, delete_message=again))["error"]


async def test_buckets_in_use_are_shown_with_what_is_left(double: DiscordDouble, bot: Any, panel: Panel) -> None:
    """Each open window: how many of how many, and when it opens anew."""
    channel = bot.get_channel(double.channel("general").id)
    for number in range(3):
        await channel.send(f"message {number}")
    buckets = (await panel.see("limits"))["buckets"]
    (sent,) = [bucket for bucket in buckets if bucket["used"] == 3 and bucket["key"] == str(channel.id)]
    assert sent["limit"] == 5
    assert 0 < sent["resets_in"] <= 5


async def test_the_staleness_of_an_answer_is_the_gaps_between_its_states(
    double: DiscordDouble, bot: Any, panel: Panel
) -> None:
    """Only what grew by edits counts, newest first."""
    channel = bot.get_channel(double.channel("general").id)
    await channel.send("said once")
    message = await channel.send("> Why?\nBe")
    for text in ("> Why?\nBecau", "> Why?\nBecause."):
        await message.edit(content=text)
    (answer,) = (await panel.see("staleness"))["answers"]
    applied = [revision.applied_at for revision in double.world.messages[message.id].history]
    assert answer["opening"] == "Why?"
    assert answer["channel"] == "general"
    assert answer["states"] == 3
    assert answer["gaps"] == [pytest.approx(b - a, abs=0.002) for a, b in pairwise(applied)]
    assert answer["longest"] == max(answer["gaps"])


async def test_the_cluster_is_controlled_through_the_page(double: DiscordDouble, panel: Panel) -> None:
    """The same controls as on the cluster's own port; being away is said, not an error."""
    assert await panel.see("cluster") == {"away": "none"}
    assert "no cluster" in (await panel.turn("cluster", 404, action="freeze"))["error"]
    async with ParallaxDouble() as parallax:
        double.cluster_url = parallax.url
        assert [node["name"] for node in (await panel.see("cluster"))["nodes"]] == [
            "studio",
            "workstation",
            "attic",
        ]
        state = await panel.turn("cluster", action="add_node", name="spare", ready=True)
        assert [node["name"] for node in state["nodes"]][-1] == "spare"
        assert "action must be one of" in (await panel.turn("cluster", 400, action="explode"))["error"]
        assert (await panel.turn("cluster", action="break_streams"))["requests"] == 0
    assert await panel.see("cluster") == {"away": "unreachable"}
    assert "reached" in (await panel.turn("cluster", 502, action="freeze"))["error"]


async def test_another_sites_page_may_not_turn_anything(double: DiscordDouble) -> None:
    """A browser's Origin of another site is refused."""
    async with aiohttp.ClientSession(headers={"Origin": "https://elsewhere.example"}) as session:
        panel = Panel(double, session)
        await panel.turn("discord", 403, latency=3)
        await panel.turn("cluster", 403, action="freeze")
    assert double.latency == 0.01


async def test_slowmode_holds_members_back_but_not_moderators_and_bots(double: DiscordDouble, bot: Any) -> None:
    """``rate_limit_per_user``: 20016 for members until the time has passed."""
    general = double.channel("general")
    general.rate_limit_per_user = 30
    ada, grace = double.person("ada"), double.person("grace")
    await ada.say(general, "one")
    with pytest.raises(RefusedError, match="slowmode"):
        await ada.say(general, "two")
    await grace.say(general, "one")
    await grace.say(general, "two")
    channel = bot.get_channel(general.id)
    await channel.send("one")
    await channel.send("two")
    double.clock.advance(30)
    await ada.say(general, "two")


async def test_reactions_carry_unicode_and_the_guilds_own_emoji(double: DiscordDouble, bot: Any) -> None:
    """A person's reaction reaches the bot; ``name:id`` is a custom emoji; one's own can be taken back."""
    ada = double.person("ada")
    message = await ada.say("general", "nice")
    await ada.react(message, "👍")
    await ada.react(message, "blob:123456789012345678")
    channel = bot.get_channel(message.channel_id)
    seen = await channel.fetch_message(message.id)
    assert [str(reaction.emoji) for reaction in seen.reactions] == ["👍", "<:blob:123456789012345678>"]


async def test_presence_of_identify_is_shown(
    double: DiscordDouble, monkeypatch: pytest.MonkeyPatch, panel: Panel
) -> None:
    """discord.py sends the first activity as ``game``."""
    async with connected(double, monkeypatch, activity=discord.Game("on 3 nodes")):
        assert (await panel.see("discord"))["gateway"]["text"] == "on 3 nodes"
