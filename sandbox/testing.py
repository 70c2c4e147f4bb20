"""The sandbox as a test tool: a Discord, a cluster, and a discord.py client between them.

    async with Sandbox.open() as sandbox, sandbox.running(MyBot()):
        asked = await sandbox.slash("ada", "general", "ping")
        await sandbox.wait_until(lambda: asked.message and asked.message.text == "pong")

Nothing leaves the machine, nothing polls, and every failed wait shows what the channels held. The bot is the
real one with the real discord.py: only the two addresses that it connects to are changed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sandbox import optional
from sandbox.discord_api import Channel, DiscordDouble, Invocation, Message, Person
from sandbox.discord_api.client_rules import Value
from sandbox.discord_api.people import File
from sandbox.discord_api.population import ALIASES
from sandbox.discord_api.world import World

if TYPE_CHECKING:
    import discord

    from sandbox.parallax import ParallaxDouble

READY_WITHIN = 15.0
"""Real seconds a bot has for connecting and, where asked for, registering its commands."""


class People(Mapping[str, Person]):
    """Everyone but the bot, by user name; also by their part in the story (``people["operator"]``)."""

    def __init__(self, discord_double: DiscordDouble) -> None:
        self._discord = discord_double

    def __getitem__(self, name: str) -> Person:
        return self._discord.person(name)

    def __iter__(self) -> Iterator[str]:
        users = self._discord.world.users.values()
        return iter([user.username for user in users if not user.bot])

    def __len__(self) -> int:
        return len(list(iter(self)))

    @property
    def parts(self) -> Mapping[str, str]:
        """Which part in the story is whose."""
        return dict(ALIASES)


class Sandbox:
    """One Discord and one cluster; use :meth:`open`. Belongs to one event loop."""

    def __init__(self, discord_double: DiscordDouble, parallax: ParallaxDouble | None) -> None:
        self.discord = discord_double
        self._parallax = parallax
        self.people = People(discord_double)

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls, discord_double: DiscordDouble | None = None, parallax: ParallaxDouble | None = None
    ) -> AsyncIterator[Sandbox]:
        """Open both doubles on free ports; without arguments a quick Discord with its limits on.

        There is no cluster where pydantic is not installed.
        """
        async with contextlib.AsyncExitStack() as stack:
            discord_there = await stack.enter_async_context(discord_double or DiscordDouble(latency=0.0))
            cluster = parallax or optional.cluster()
            if cluster is not None:
                await stack.enter_async_context(cluster)
                discord_there.cluster_url = cluster.url
            yield cls(discord_there, cluster)

    @property
    def parallax(self) -> ParallaxDouble:
        """The cluster. Raises RuntimeError where pydantic is not installed."""
        if self._parallax is None:
            raise RuntimeError(optional.NEEDED)
        return self._parallax

    @property
    def world(self) -> World:
        """Everything that exists: users, guilds, channels, messages, commands, the clock."""
        return self.discord.world

    @contextlib.asynccontextmanager
    async def running(self, bot: discord.Client, *, commands: bool = True) -> AsyncIterator[discord.Client]:
        """Connect a discord.py client to this Discord; yields it ready and closes it at the end.

        With ``commands`` it also waits until the bot has registered commands. What ends the bot before it is
        ready, or while it runs, is raised here. Bots of several sandboxes may run at once: each bot's own tasks
        reach its own sandbox. What a test itself asks of a client (``bot.fetch_user``) reaches the sandbox whose
        ``running`` was entered last.
        """
        from sandbox.addresses import pointed_at, start  # discord.py need not be there for the rest

        with pointed_at(self.discord) as context:
            async with bot:
                task = start(bot.start(self.discord.token), context, "bot in the sandbox")
                try:
                    await self._ready(task, commands=commands)
                    yield bot
                finally:
                    await bot.close()
                    await task

    def require_no_lacking(self) -> None:
        """Raise AssertionError when the bot asked for an operation that the sandbox does not have."""
        if lacking := self.discord.rest.lacking:
            raise AssertionError(f"the bot asked for what the sandbox does not have: {', '.join(lacking)}")

    async def slash(
        self, who: str, channel: str | Channel, command: str, /, **options: Value | File | Person
    ) -> Invocation:
        """Let somebody use a slash command. Raises RefusedError when Discord's client would not let them."""
        return await self.people[who].slash(channel, command, **options)

    async def click(self, who: str, message: Message, label: str, *, values: Sequence[str] = ()) -> Invocation:
        """Let somebody press a button by its label. Raises RefusedError when they cannot."""
        return await self.people[who].click(message, label, values=values)

    async def say(self, who: str, channel: str | Channel, text: str) -> Message:
        """Let somebody write a message."""
        return await self.people[who].say(channel, text)

    def messages(self, channel: str | Channel) -> list[Message]:
        """All that stands in a channel, oldest first, everyone's ephemeral messages included."""
        return self.discord.messages(channel)

    async def wait_until(self, condition: Callable[[], object], timeout: float = 10.0) -> None:
        """Return once ``condition()`` is truthy, looked at again after each change of the world.

        After ``timeout`` real seconds it looks once more, and then raises AssertionError with the state of the bot
        and what the channels show.
        """
        await self.discord.wait_until(condition, timeout)

    async def _ready(self, task: asyncio.Task[None], *, commands: bool) -> None:
        wait = self.discord.bot_ready if commands else self.discord.bot_online
        ready = asyncio.create_task(wait(READY_WITHIN), name="bot is ready")
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            ready.cancel()
            await task
            raise AssertionError("the bot ended before it was ready")
        await ready
