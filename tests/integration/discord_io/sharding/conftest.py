"""The bot's own client, without its cogs, at a Discord that holds it to its limits; in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

import aiohttp
import discord
import pytest

from bot.discord_io import client
from bot.discord_io.client import ParallaxBot
from bot.discord_io.command_tree import Guard
from bot.discord_io.delivery.rate_limit_trace import WireObserver
from bot.discord_io.identify_turns import OwnIdentifyTurns
from bot.discord_io.outgoing import Outgoing
from bot.discord_io.shards import Sharding
from bot.domain.discord_calls.sharing import ShardHolds
from bot.domain.interaction_rates import InteractionRates, RateLimit
from bot.telemetry.metrics import Metrics
from sandbox.discord_api import DiscordDouble
from tests.fakes.clocks import LoopClock
from tests.fakes.loops import VirtualTimeLoop
from tests.integration.discord_io.pacing.conftest import LoopSandboxClock

# Discord docs, events/gateway, "Max Concurrency".
IDENTIFY_EVERY = 5.0


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """One loop, so no test's name changes."""
    return {"virtual time": VirtualTimeLoop}


class DayClock(LoopSandboxClock):
    """The sandbox's time, all of it in the loop's seconds."""

    def now(self) -> float:
        """The loop's seconds."""
        return self.monotonic()


@dataclass(eq=False)
class MemoryFacts:
    """A :class:`bot.discord_io.client.Facts` in memory."""

    kept: dict[str, str] = field(default_factory=dict)

    async def get(self, key: str) -> str | None:
        """The stored value."""
        return self.kept.get(key)

    async def put(self, key: str, value: str) -> None:
        """Store a value."""
        self.kept[key] = value


@dataclass(eq=False)
class Rig:
    """A bot that connects, and the Discord it connects to."""

    double: DiscordDouble
    bot: ParallaxBot
    task: asyncio.Task[None]
    metrics: Metrics

    @property
    def is_ready(self) -> bool:
        """What ``/readyz`` says of Discord."""
        return self.bot.readiness()["discord"]

    @property
    def connected(self) -> set[int]:
        """The shards that are connected by the bot's own metrics."""
        samples = [sample for metric in self.metrics.shard_connected.collect() for sample in metric.samples]
        return {int(sample.labels["shard"]) for sample in samples if sample.value}

    async def ready(self, timeout: float = 30.0) -> None:
        """Wait until all shards of the bot are connected; raises what ended it instead."""
        await self.until(lambda: self.is_ready or self.task.done(), timeout)
        if self.task.done():
            self.task.result()

    async def until(self, condition: Callable[[], object], timeout: float = 30.0) -> None:
        """Wait until something is so in the bot, which raises no event for it."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout
        while not condition():
            assert loop.time() < until, self.double.gateway.ready_shards
            await asyncio.sleep(0.2)


Connect = Callable[..., contextlib.AbstractAsyncContextManager[Rig]]


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Opens a rig: ``connect(count, ids, double, holds=...)``."""

    @contextlib.asynccontextmanager
    async def opened(
        count: int = 0,
        ids: tuple[int, ...] = (),
        double: DiscordDouble | None = None,
        *,
        holds: ShardHolds | None = None,
    ) -> AsyncIterator[Rig]:
        monkeypatch.setattr(client, "COGS", ())
        clock, metrics = LoopClock(), Metrics()
        async with double or strict_double() as running:
            monkeypatch.setattr(discord.http.Route, "BASE", running.api_url)
            bot = ParallaxBot(
                observer=WireObserver(clock, metrics, Outgoing(clock, metrics)),
                connector=aiohttp.TCPConnector(),
                proxy=None,
                admin_guild_ids=(),
                facts=MemoryFacts(),
                guard=Guard(InteractionRates(RateLimit(10, 1.0), clock), clock),
                sharding=Sharding(count, ids, OwnIdentifyTurns(clock), clock, metrics, holds),
            )
            task = asyncio.create_task(bot.start(running.token), name="bot")
            try:
                yield Rig(running, bot, task, metrics)
            finally:
                await bot.close()
                await asyncio.gather(task, return_exceptions=True)

    return opened


def strict_double(shards: int = 1, max_concurrency: int = 1) -> DiscordDouble:
    """A Discord that recommends so many shards, and takes one session of a bucket in 5 s."""
    double = DiscordDouble(latency=0.0, clock=DayClock())
    double.session_starts.recommended, double.session_starts.max_concurrency = shards, max_concurrency
    double.session_starts.identify_every = IDENTIFY_EVERY
    return double
