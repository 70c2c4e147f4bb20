"""The demo's opening scene, with the real bot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from sandbox.scene import QUESTIONS, WELCOME, Scene
from tests.e2e.bot_process import Stage, staged


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A bot beside a quick cluster."""
    async with staged(
        tmp_path,
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(tokens_per_second=500, lag=False, time_scale=4),
        SHUTDOWN_GRACE="2",
    ) as running:
        yield running


async def test_it_plays_to_its_end_and_leaves_the_cluster_as_it_was(stage: Stage) -> None:
    """Everybody is answered, somebody waited in line, a node dropped and came back."""
    assert await Scene(stage.discord, stage.parallax, pace=0.02).play()
    texts = [message.text for message in stage.discord.messages("general")]
    assert texts[0] == WELCOME
    assert texts[-1].startswith("That was all.")
    for _, question in QUESTIONS:
        assert any(question in text for text in texts)
    assert len(stage.parallax.requests) == len(QUESTIONS) + 1
    assert all(request.outcome == "completed" for request in stage.parallax.requests)
    shown = [str(r.payload) for m in stage.discord.messages("general") for r in m.history]
    assert any("in the queue" in text for text in shown)
    assert any("attic is back." in text for text in texts)
    assert stage.parallax.slots == 4
    assert sorted(stage.parallax.nodes) == ["attic", "studio", "workstation"]


async def test_a_visitor_takes_over_at_once(stage: Stage) -> None:
    """Whatever is done on the page ends the scene; the cluster is as it was."""
    discord, parallax = stage.discord, stage.parallax

    async def act_when_it_is_busy() -> None:
        await discord.wait_until(lambda: parallax.slots == 1)
        url = f"{discord.page_url}_sandbox/people/{discord.person('ada').id}/message"
        body = {"channel_id": str(discord.channel("general").id), "content": "Mine."}
        async with aiohttp.ClientSession() as session, session.post(url, json=body) as answer:
            assert answer.status == 200

    playing = asyncio.create_task(Scene(discord, parallax, pace=1).play_when_seen())
    async with aiohttp.ClientSession() as session, session.get(discord.page_url) as page:
        assert page.status == 200
    visitor = asyncio.create_task(act_when_it_is_busy())
    assert not await playing
    await visitor
    assert parallax.slots == 4
    assert not any("That was all." in message.text for message in discord.messages("general"))
