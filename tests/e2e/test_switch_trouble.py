"""A model switch that fails: the message says what to do, and there is a way back."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing

import httpx
import pytest
import pytest_asyncio

from bot.storage.engine import database_file
from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel
from sandbox.discord_api.people import Person
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import ask, restarted, started_again, until_over, until_shows
from tests.e2e.switching import begun, inits, start_workers, stop_workers, typed
from tests.e2e.test_recordings import RECORDINGS

pytestmark = pytest.mark.asyncio(loop_scope="module")

OVERDUE = 61.0
"""Seconds after which workers that are still listed are overdue."""
WORKERS = [("attic", "NVIDIA GeForce RTX 3090", 24.0)]

BEFORE, WANTED = "Qwen/Qwen3-8B", "Qwen/Qwen3-4B"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A ready cluster of three nodes, twenty times as fast."""
    async with staged(
        tmp_path_factory.mktemp("bot"),
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(tokens_per_second=4, lag=False, time_scale=20, recordings_dir=RECORDINGS),
    ) as running:
        yield running


async def later(stage: Stage, seconds: float) -> None:
    """Let the present step of the switch be older by so many seconds, for a bot that is started then."""
    assert await stage.bot.terminate() == 0, stage.bot.log
    with closing(sqlite3.connect(database_file(stage.bot.environment["DATABASE_URL"]))) as database, database:
        database.execute("UPDATE switches SET step_since = step_since - ? WHERE state = 'open'", (seconds,))
    await started_again(stage)


async def test_a_switch_waits_for_the_answer_that_runs(
    stage: Stage, room: Channel, ada: Person, olga: Person
) -> None:
    """It says whom it interrupts and how many are left; nobody is told to stop a worker before."""
    stage.parallax.script([f"word{number} " for number in range(1000)])
    answer = await ask(ada, room, "A long one")
    await until_shows(stage, answer, "word3")
    confirm = await (await olga.slash(room, "cluster init", model=WANTED, nodes=1)).response()
    assert f"Interrupts 1 running and 0 waiting questions. ({ada.mention})" in confirm.text
    await (await olga.click(confirm, "Not now")).acked()
    message = await begun(stage, olga, room, WANTED)
    await until_shows(stage, message, "▸ waiting for running answers: 1 left", "· stop the workers")
    await (await ada.click(answer, "Stop")).acked()
    await until_over(stage, answer)
    await until_shows(stage, message, "✓ queue paused, running answers finished: 1", "▸ stop all workers now")
    await (await olga.click(message, "Cancel the switch")).acked()
    await until_shows(stage, message, "was cancelled")
    assert inits(stage) == 0


async def test_a_refused_init_and_the_way_back(stage: Stage, room: Channel, olga: Person) -> None:
    """The scheduler answers as it was recorded; the model before is set by the same steps, and usable again."""
    before = inits(stage)
    stage.parallax.replay("12_init_unknown_model")
    message = await begun(stage, olga, room, WANTED)
    workers = await stop_workers(stage, message)
    await until_shows(
        stage, message, "The scheduler did not accept the model, and the previous model has stopped."
    )
    assert "Give up" in message.buttons
    await typed(olga, message, "Back to Qwen3-8B", BEFORE)
    await start_workers(stage, message, workers)
    await until_shows(stage, message, f"{BEFORE} is usable")
    assert inits(stage) == before + 2
    assert stage.parallax.model == BEFORE
    assert stage.parallax.available


async def test_a_switch_that_somebody_strands_and_the_way_back(stage: Stage, room: Channel, olga: Person) -> None:
    """An init from elsewhere, while the first worker is back: stopping all workers and beginning anew helps."""
    message = await begun(stage, olga, room, WANTED, nodes=3)
    workers = await stop_workers(stage, message)
    await start_workers(stage, message, workers[:1])
    await until_shows(stage, message, "1 of 3 joined")
    body = {"model_name": "Qwen/Qwen3-1.7B", "init_nodes_num": 3, "is_local_network": True}
    async with httpx.AsyncClient(base_url=stage.parallax.url) as web:
        await web.post("/scheduler/init", json=body)
    await until_shows(stage, message, "The cluster is stranded", "Stop all workers, then start the switch again")
    await typed(olga, message, "Back to Qwen3-8B", BEFORE)
    await stop_workers(stage, message)
    await start_workers(stage, message, workers)
    await until_shows(stage, message, f"{BEFORE} is usable")
    assert stage.parallax.available


async def test_p7_a_stranded_worker_that_is_killed(stage: Stage, room: Channel, olga: Person) -> None:
    """The scheduler lists it for good, so the message says to restart that, and the switch goes on by itself."""
    body = {"model_name": "Qwen/Qwen3-1.7B", "init_nodes_num": 3, "is_local_network": True}
    async with httpx.AsyncClient(base_url=stage.parallax.url) as web:
        await web.post("/scheduler/init", json=body)
    await stage.parallax.wait_until(lambda: all(node.listed for node in stage.parallax.nodes.values()))
    message = await begun(stage, olga, room, BEFORE)
    await until_shows(stage, message, "stop all workers now")
    before = inits(stage)
    for node in list(stage.parallax.nodes.values()):
        stage.parallax.kill_node(node.name)
    await later(stage, OVERDUE)
    message = await (await olga.slash(room, "cluster switch")).done_loading()
    await until_shows(stage, message, "killed may stay in the list for good: then restart the scheduler")
    assert inits(stage) == before
    await stage.parallax.restart(initialise=False)
    # Workers may outlive a restart, so the bot waits for them for 45 s; a process that starts now knows of none.
    await restarted(stage)
    message = await (await olga.slash(room, "cluster switch")).done_loading()
    await start_workers(stage, message, WORKERS)
    await until_shows(stage, message, f"{BEFORE} is usable")
    assert inits(stage) == before + 1


async def test_p8_a_model_that_cannot_be_loaded(stage: Stage, room: Channel, olga: Person) -> None:
    """The scheduler lists it, answers its init with 500 and names it all the same: it is not said to be set, and
    the way back leads to what ran."""
    before = inits(stage)
    stage.parallax.options.unloadable.add(WANTED)
    message = await begun(stage, olga, room, WANTED)
    workers = await stop_workers(stage, message)
    await until_shows(stage, message, "The scheduler did not accept the model")
    assert stage.parallax.model == WANTED
    assert "✓ model set" not in message.text
    stage.parallax.options.unloadable.discard(WANTED)
    await typed(olga, message, "Back to Qwen3-8B", BEFORE)
    await start_workers(stage, message, workers)
    await until_shows(stage, message, f"{BEFORE} is usable")
    assert inits(stage) == before + 2


async def test_p6_a_switch_after_a_restart_stops_the_workers_that_still_run(
    stage: Stage, room: Channel, olga: Person
) -> None:
    """They come back by themselves to a scheduler without a model: nothing is sent before they were stopped."""
    before = inits(stage)
    await stage.parallax.restart(initialise=False, rejoin=True)
    card = await (await olga.slash(room, "status")).response()
    while "no model set" not in card.text:
        card = await (await olga.slash(room, "status")).response()
    message = await (await olga.slash(room, "cluster init", model=BEFORE, nodes=1)).response()
    await (await olga.click(message, "Set model")).acked()
    await until_shows(stage, message, "stop all workers now")
    await until_shows(stage, message, "still connected")
    assert inits(stage) == before
    workers = await stop_workers(stage, message)
    await start_workers(stage, message, workers)
    await until_shows(stage, message, f"{BEFORE} is usable")
    assert inits(stage) == before + 1
    assert stage.parallax.available


async def test_p9_a_restart_after_the_init(stage: Stage, room: Channel, olga: Person) -> None:
    """The new process has no model: the init is sent once more, by itself."""
    before = inits(stage)
    message = await begun(stage, olga, room, WANTED)
    workers = await stop_workers(stage, message)
    await until_shows(stage, message, "model set, start the workers again")
    assert inits(stage) == before + 1
    await stage.parallax.restart(initialise=False, rejoin=True)
    await stage.parallax.wait_until(lambda: inits(stage) == before + 2)
    await start_workers(stage, message, workers)
    await until_shows(stage, message, f"{WANTED} is usable")
    assert inits(stage) == before + 2
