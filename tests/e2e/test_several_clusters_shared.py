"""Two processes on one PostgreSQL database in front of two clusters: neither cluster ever gets more than it
takes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel
from sandbox.discord_api.people import Person
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import BotProcess, Stage, staged
from tests.e2e.reading import PATIENCE, answer, ask, is_over, of_the_bot
from tests.fakes.postgres import server_database

pytestmark = pytest.mark.asyncio(loop_scope="module")

SLOTS = {"studio": 2, "office": 1}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clusters() -> AsyncIterator[dict[str, ParallaxDouble]]:
    """A cluster of two slots and one of one."""
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(
                ParallaxDouble(tokens_per_second=40, nodes=1, slots=slots, lag=False, time_scale=10)
            )
            for name, slots in SLOTS.items()
        }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(
    tmp_path_factory: pytest.TempPathFactory, clusters: dict[str, ParallaxDouble]
) -> AsyncIterator[Stage]:
    """A process that hears, and one that stands by and answers too."""
    async with (
        server_database() as url,
        staged(
            tmp_path_factory.mktemp("pair"),
            discord=DiscordDouble(latency=0.0),
            DATABASE_URL=url,
            PARALLAX_URL=", ".join(f"{name}={one.url}" for name, one in clusters.items()),
            SHUTDOWN_GRACE="1",
        ) as running,
    ):
        second = BotProcess(running.bot.environment, running.bot.log_file.with_name("second.log"))
        await second.start()
        try:
            await second.logged("discord.shard_stands_by")
            yield running
        finally:
            print(running.bot.log, second.log)  # noqa: T201  # pytest shows it with a failure
            assert await second.terminate() == 0


async def test_no_cluster_gets_more_than_it_takes(
    stage: Stage, clusters: dict[str, ParallaxDouble], room: Channel, ada: Person, ben: Person, olga: Person
) -> None:
    """Whichever process claims; each question is asked once, and shown once."""
    people, count = [ada, ben, olga], 12
    for number in range(count):
        for one in clusters.values():
            one.script([(f"word{n} ", 0.5) for n in range(20)], match=f"Number {number}.")
    messages = [await ask(people[number % 3], room, f"Number {number}.") for number in range(count)]
    most = dict.fromkeys(clusters, 0)

    def over() -> bool:
        for name, one in clusters.items():
            most[name] = max(most[name], one.active)
        return all(map(is_over, messages))

    await stage.discord.wait_until(over, PATIENCE)
    assert most == SLOTS
    assert sum(len(one.requests) for one in clusters.values()) == count
    assert len(of_the_bot(stage, room)) == count
    for number, message in enumerate(messages):
        assert answer(message, f"Number {number}.").endswith("word19")
