"""A model switch that fails: the message says what to do, and there is a way back."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel
from sandbox.discord_api.people import Person
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import ask, until_over, until_shows
from tests.e2e.switching import begun, inits, start_workers, stop_workers, typed
from tests.e2e.test_recordings import RECORDINGS

pytestmark = pytest.mark.asyncio(loop_scope="module")

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
