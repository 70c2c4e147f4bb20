"""The same bot on PostgreSQL: what matters most, as people see it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy.engine import make_url

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel
from sandbox.discord_api.people import Person
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import (
    answer,
    ask,
    freed,
    occupied,
    of_the_bot,
    started_again,
    until_over,
    until_shows,
)
from tests.fakes.postgres import administrate, server_database

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A bot on a database that it has to make its tables in, and a cluster with a single pipeline."""
    async with (
        server_database(migrated=False) as url,
        staged(
            tmp_path_factory.mktemp("postgres"),
            discord=DiscordDouble(latency=0.0),
            parallax=ParallaxDouble(tokens_per_second=40, nodes=1, slots=1, lag=False, time_scale=10),
            DATABASE_URL=url,
            SHUTDOWN_GRACE="1",
        ) as running,
    ):
        yield running
        assert running.discord.limits.rejections == []


async def test_questions_wait_can_be_cancelled_and_are_answered(
    stage: Stage, room: Channel, ada: Person, ben: Person, olga: Person
) -> None:
    """With their positions, and with the conversation as it went on."""
    busy = await occupied(stage, olga, room)
    first = await ask(ada, room, "First?")
    second = await ask(ben, room, "Second?")
    await until_shows(stage, first, f"<@{ada.id}> · next in the queue")
    await until_shows(stage, second, f"<@{ben.id}> · 2nd in the queue")

    await ada.click(first, label="Cancel")
    await until_shows(stage, first, f"cancelled by <@{ada.id}>")
    await until_shows(stage, second, "next in the queue")
    stage.parallax.script(["An ", "answer."], match="Second")
    await freed(stage, olga, busy)
    await until_over(stage, second)
    assert answer(second, "Second?") == "An answer."
    stage.parallax.script(["Another."], match="And then")
    third = await ask(ben, room, "And then?")
    await until_over(stage, third)
    sent = [str(message["content"]) for message in stage.parallax.requests[-1].messages]
    assert sent[-3:] == ["Ben: Second?", "An answer.", "Ben: And then?"]


async def test_a_killed_bot_takes_everything_up_again(
    stage: Stage, room: Channel, ada: Person, ben: Person
) -> None:
    """``kill -9``: what ran is asked again at once, on its message, and what waits keeps its place."""
    stage.parallax.script([f"word{number} " for number in range(500)], match="Long")
    running = await ask(ada, room, "Long")
    await until_shows(stage, running, "word3")
    waiting = await ask(ben, room, "Short")
    await until_shows(stage, waiting, "next in the queue")

    stage.parallax.script(["Here ", "it ", "is."], match="Long")
    stage.parallax.script(["Then ", "this."], match="Short")
    await stage.bot.kill()
    await started_again(stage)
    await until_over(stage, running, waiting)
    assert answer(running, "Long") == "Here it is."
    assert answer(waiting, "Short") == "Then this."
    assert of_the_bot(stage, room) == [running, waiting]


async def test_a_restarted_server_loses_and_doubles_nothing(
    stage: Stage, room: Channel, ada: Person, ben: Person
) -> None:
    """Every connection breaks while an answer streams and another question waits; both are answered once."""
    url = stage.bot.environment["DATABASE_URL"]
    stage.parallax.script([(f"word{number} ", 0.5) for number in range(40)], match="Meanwhile")
    stage.parallax.script(["Once."], match="After it")
    before = len(stage.parallax.requests)
    running = await ask(ada, room, "Meanwhile")
    await until_shows(stage, running, "word3")
    ends = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"
    await administrate(lambda db: db.execute(ends, make_url(url).database))
    waiting = await ask(ben, room, "After it")
    await until_over(stage, running, waiting)
    assert answer(running, "Meanwhile").endswith("word39")
    assert answer(waiting, "After it") == "Once."
    assert len(stage.parallax.requests) == before + 2
