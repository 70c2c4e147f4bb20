"""A real discord.py bot, pointed at the double."""

from __future__ import annotations

import asyncio
import contextlib
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import yarl

from sandbox.discord_api import DiscordDouble

with warnings.catch_warnings():  # discord.py 2.7 imports audioop, which Python 3.11 calls deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    import discord
    from discord import app_commands
    from discord.ext import commands

Reply = Callable[[discord.Interaction[Any]], Awaitable[None]]


class ClientBot(commands.AutoShardedBot):
    """Registers ``/ask`` and records every event; a test says what ``/ask`` and presses do."""

    def __init__(self, intents: discord.Intents, **options: Any) -> None:
        super().__init__(commands.when_mentioned, intents=intents, help_command=None, **options)
        self.reply: Reply = _hello
        self.pressed: Reply = _defer_update
        self.submitted: Reply = _hello
        self.chosen: list[app_commands.Choice[str]] = []
        self.seen: list[discord.Message] = []
        self.raw_deletes: list[int] = []
        self.errors: list[BaseException] = []
        self.resumed = 0
        self.noted: Callable[[], None] = lambda: None
        self._add_commands()

    def _add_commands(self) -> None:
        @self.tree.command(name="ask", description="Ask something")
        @app_commands.describe(prompt="What to ask")
        async def ask(
            interaction: discord.Interaction[Any],
            prompt: app_commands.Range[str, 1, 100],
            attachment: discord.Attachment | None = None,
        ) -> None:
            interaction.extras |= {"prompt": prompt, "attachment": attachment}
            await self.reply(interaction)

        @self.tree.command(name="pick", description="Pick a model")
        async def pick(interaction: discord.Interaction[Any], model: str) -> None:
            interaction.extras["model"] = model
            await self.reply(interaction)

        @pick.autocomplete("model")
        async def suggest(_: discord.Interaction[Any], current: str) -> list[app_commands.Choice[str]]:
            return [choice for choice in self.chosen if choice.name.startswith(current)]

        @self.tree.context_menu(name="Ask about this")
        async def about(interaction: discord.Interaction[Any], message: discord.Message) -> None:
            interaction.extras["target"] = message
            await self.reply(interaction)

        @self.tree.command(name="manage", description="Managers only")
        @app_commands.default_permissions(manage_guild=True)
        async def manage(interaction: discord.Interaction[Any]) -> None:
            await self.reply(interaction)

        @self.tree.error
        async def on_error(_: discord.Interaction[Any], error: app_commands.AppCommandError) -> None:
            self.errors.append(getattr(error, "original", error))
            self.noted()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Identify at once: the double does not ask for the five seconds between shards."""

    async def setup_hook(self) -> None:
        await self.tree.sync()

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        if interaction.type is discord.InteractionType.component:
            await self._guard(self.pressed, interaction)
        elif interaction.type is discord.InteractionType.modal_submit:
            await self._guard(self.submitted, interaction)

    async def _guard(self, reply: Reply, interaction: discord.Interaction[Any]) -> None:
        try:
            await reply(interaction)
        except discord.HTTPException as error:
            self.errors.append(error)
            self.noted()

    async def on_message(self, message: discord.Message, /) -> None:
        self.seen.append(message)
        self.noted()

    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        self.raw_deletes.append(payload.message_id)
        self.noted()

    async def on_shard_resumed(self, _: int) -> None:
        self.resumed += 1
        self.noted()


async def _hello(interaction: discord.Interaction[Any]) -> None:
    await interaction.response.send_message("hello")


async def _defer_update(interaction: discord.Interaction[Any]) -> None:
    await interaction.response.defer()


@contextlib.asynccontextmanager
async def connected(
    double: DiscordDouble,
    monkeypatch: pytest.MonkeyPatch,
    intents: discord.Intents | None = None,
    **options: Any,
) -> AsyncIterator[ClientBot]:
    """A bot that is ready at the double; it is closed, and its task awaited, at the end."""
    monkeypatch.setattr(discord.http.Route, "BASE", double.api_url)
    monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(double.gateway_url))
    wanted = intents or discord.Intents(guilds=True, guild_messages=True, dm_messages=True, guild_reactions=True)
    bot = ClientBot(wanted, guild_ready_timeout=0.05, **options)
    bot.noted = double.world.touch  # so that wait_until looks again at what the bot recorded
    running = asyncio.create_task(bot.start(double.token))
    try:
        await double.bot_ready()
        await bot.wait_until_ready()
        yield bot
    finally:
        await bot.close()
        with contextlib.suppress(asyncio.CancelledError):
            await running


@pytest.fixture
async def double() -> AsyncIterator[DiscordDouble]:
    """A quick double: 10 ms of round trip."""
    async with DiscordDouble(latency=0.01) as running:
        yield running


@pytest.fixture
async def bot(double: DiscordDouble, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ClientBot]:
    """The bot at ``double``."""
    async with connected(double, monkeypatch) as running:
        yield running
