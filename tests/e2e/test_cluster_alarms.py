"""Alerts in a channel: frozen, stranded by somebody else, failing although available, nodes that come and go."""

from __future__ import annotations

from pathlib import Path

import httpx

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import PATIENCE, answer, ask, new_room, of_the_bot, restarted, until_over, until_shows


def told(stage: Stage, room: Channel, words: str) -> list[str]:
    """The alerts that contain ``words``."""
    return [one.content for one in of_the_bot(stage, room) if words in one.content]


async def until_told(stage: Stage, room: Channel, words: str) -> str:
    """Wait for an alert; there must be exactly one."""
    await stage.discord.wait_until(lambda: told(stage, room, words), PATIENCE)
    (line,) = told(stage, room, words)
    return line


async def test_a_frozen_scheduler_and_its_restart(tmp_path: Path) -> None:
    """The remedy is said, on the card too; the alert survives a restart of the bot and is told only once."""
    async with staged(
        tmp_path, discord=DiscordDouble(latency=0.0), parallax=ParallaxDouble(tokens_per_second=200, lag=False)
    ) as stage:
        olga, room = stage.discord.person("olga"), new_room(stage)
        await (await olga.slash(room, "cluster alerts")).response()
        card = await (await olga.slash(room, "status")).response()
        await (await olga.click(card, "Live")).acked()
        stage.parallax.freeze()
        line = await until_told(stage, room, "frozen")
        assert line.startswith("▲ ")
        assert "Restart it" in line
        await until_shows(stage, card, "It may be frozen: restart it")
        await restarted(stage)
        again = await (await olga.slash(room, "status")).response()
        await stage.discord.wait_until(lambda: again is not None)
        stage.parallax.unfreeze()
        recovered = await until_told(stage, room, "answers again")
        assert recovered.startswith("✓ ")
        assert len(told(stage, room, "▲")) == 1


async def test_somebody_else_strands_the_cluster(tmp_path: Path) -> None:
    """An init from elsewhere is announced as such, and what to do about the stranded cluster."""
    async with staged(
        tmp_path,
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(tokens_per_second=200, lag=False, time_scale=4),
    ) as stage:
        olga, room = stage.discord.person("olga"), new_room(stage)
        await (await olga.slash(room, "cluster alerts")).response()
        body = {"model_name": "Qwen/Qwen3-4B", "init_nodes_num": 1, "is_local_network": True}
        async with httpx.AsyncClient(base_url=stage.parallax.url) as web:
            await web.post("/scheduler/init", json=body)
        assert "not through this bot" in await until_told(stage, room, "The model is now")
        assert "Stop all workers" in await until_told(stage, room, "stranded")
        card = await (await olga.slash(room, "status")).response()
        assert "stranded" in card.text


async def test_failing_although_available(tmp_path: Path) -> None:
    """A worker whose front has crashed stays listed as available: only questions tell, and they are kept."""
    async with staged(
        tmp_path,
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(nodes=1, tokens_per_second=200, lag=False),
    ) as stage:
        olga, room = stage.discord.person("olga"), new_room(stage)
        await (await olga.slash(room, "cluster alerts")).response()
        (node,) = stage.parallax.nodes
        stage.parallax.crash_front(node)
        kept = await ask(olga, new_room(stage), "Does it work?")
        assert "Restart the workers" in await until_told(stage, room, "Questions fail")
        card = await (await olga.slash(room, "status")).response()
        assert "failing" in card.text
        stage.parallax.mend_front(node)
        await (await olga.slash(room, "cluster resume")).response()
        await until_over(stage, kept)
        assert answer(kept, "Does it work?")
        await until_told(stage, room, "Questions are answered again")


async def test_a_node_that_flaps_is_told_once(tmp_path: Path) -> None:
    """A node that comes and goes quickly is announced once."""
    async with staged(
        tmp_path, discord=DiscordDouble(latency=0.0), parallax=ParallaxDouble(tokens_per_second=200, lag=False)
    ) as stage:
        olga, room = stage.discord.person("olga"), new_room(stage)
        await (await olga.slash(room, "cluster alerts")).response()
        for turn in range(3):
            stage.parallax.remove_node("attic")
            if turn == 1:
                await until_told(stage, room, "left the cluster")
            await stage.parallax.wait_until(lambda: "attic" not in stage.parallax.nodes)
            stage.parallax.add_node("attic", "NVIDIA GeForce RTX 3090", 24.0)
        await until_told(stage, room, "is back")
        assert len(told(stage, room, "▲")) == 1


async def test_p5_a_node_counts_once_it_is_ready(tmp_path: Path) -> None:
    """The scheduler counts its slots while it still loads the model; the card and the alert do not."""
    async with staged(
        tmp_path,
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(nodes=1, slots=4, tokens_per_second=200, lag=False, time_scale=10),
    ) as stage:
        olga, room = stage.discord.person("olga"), new_room(stage)
        await (await olga.slash(room, "cluster alerts")).response()
        stage.parallax.options.loading = 40.0
        card = await (await olga.slash(room, "status")).response()
        await (await olga.click(card, "Live")).acked()
        stage.parallax.add_node("loft", "NVIDIA GeForce RTX 3090", 24.0, ready=False)
        await until_shows(stage, card, "· joining", "Running 0 of 4")
        assert stage.parallax.capacity == 8
        assert told(stage, room, "questions at once") == []
        assert "now takes 8 questions at once, 4 before" in await until_told(stage, room, "questions at once")
        await until_shows(stage, card, "Running 0 of 8")


async def test_p16_somebody_else_sets_a_model_that_cannot_run(tmp_path: Path) -> None:
    """Nobody is told to add a node for it; an operator reads what helps."""
    async with staged(
        tmp_path,
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(tokens_per_second=200, lag=False, time_scale=4),
    ) as stage:
        olga, room = stage.discord.person("olga"), new_room(stage)
        await (await olga.slash(room, "cluster alerts")).response()
        body = {"model_name": "no/such-model", "init_nodes_num": 1, "is_local_network": True}
        async with httpx.AsyncClient(base_url=stage.parallax.url) as web:
            assert (await web.post("/scheduler/init", json=body)).status_code == 500
        assert "Set a listed one with /cluster init" in await until_told(stage, room, "cannot run")
        card = await (await olga.slash(room, "status")).response()
        assert "**no/such-model** · this model cannot run" in card.text
        assert "Add one with /join" not in card.text
        kept = await ask(olga, new_room(stage), "Does it work?")
        await until_shows(stage, kept, "kept: the model that was set cannot run")


async def test_p10_a_scheduler_that_was_restarted_has_no_model(tmp_path: Path) -> None:
    """That is what is said, with what to do."""
    async with staged(
        tmp_path,
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(nodes=1, tokens_per_second=200, lag=False),
    ) as stage:
        olga, room = stage.discord.person("olga"), new_room(stage)
        await (await olga.slash(room, "cluster alerts")).response()
        await stage.parallax.restart(initialise=False)
        assert "Set one with /cluster init" in await until_told(stage, room, "has no model")
        card = await (await olga.slash(room, "status")).response()
        assert "no model set" in card.text
        assert "Add one with /join" not in card.text
