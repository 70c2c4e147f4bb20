"""One bot for all tests of a module, a channel of its own for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel
from sandbox.discord_api.people import Person
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.forked_start import forking
from tests.e2e.reading import new_room


@pytest.fixture(scope="session", autouse=True)
def _forking() -> Iterator[None]:
    """Starts of bots that do not import everything anew."""
    with forking():
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A bot beside a ready cluster whose books are always right, with Discord's limits on and never met."""
    async with staged(
        tmp_path_factory.mktemp("bot"),
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(tokens_per_second=200, lag=False),
        SHUTDOWN_GRACE="2",
    ) as running:
        yield running
        assert running.discord.limits.rejections == []


@pytest_asyncio.fixture(loop_scope="module")
async def room(stage: Stage) -> Channel:
    """A channel that nothing was asked in yet."""
    return new_room(stage)


@pytest.fixture
def ada(stage: Stage) -> Person:
    """A member."""
    return stage.discord.person("ada")


@pytest.fixture
def ben(stage: Stage) -> Person:
    """Another member."""
    return stage.discord.person("ben")


@pytest.fixture
def olga(stage: Stage) -> Person:
    """An operator."""
    return stage.discord.person("olga")
