"""nextcord, disnake or py-cord (the third argument): logs in, answers ``/hello``, tells what it received.

The three descend from discord.py and differ in how a command is declared and where the API's address is kept.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

API, TOKEN, NAME = sys.argv[1:4]
library: Any = importlib.import_module({"py-cord": "discord"}.get(NAME, NAME))


def told(what: str) -> None:
    """One line for the runner."""
    print(what, flush=True)  # noqa: T201  # its output is what is read


def _bot() -> Any:
    intents = library.Intents(guilds=True, guild_messages=True)
    if NAME == "py-cord":
        library.http.Route.API_BASE_URL = f"{API}/v{{API_VERSION}}"
        return library.Bot(intents=intents)
    library.http.Route.BASE = f"{API}/v10"
    if NAME == "nextcord":
        return library.Client(intents=intents)
    commands = importlib.import_module("disnake.ext.commands")
    return commands.InteractionBot(intents=intents)


bot = _bot()


@bot.event
async def on_ready() -> None:
    """The library has read READY and every GUILD_CREATE."""
    told("ready")
    if len(bot.guilds) == 2 and bot.guilds[0].channels:
        told("guild")
    if NAME == "nextcord":
        await bot.sync_all_application_commands()
    told("commands")


@bot.event
async def on_message(message: Any) -> None:
    """Somebody said something."""
    if not message.author.bot:
        told("message")


async def _answer(interaction: Any) -> None:
    respond = interaction.respond if NAME == "py-cord" else interaction.response.send_message
    await respond(f"hello from {NAME}")
    told("answered")


async def hello(interaction) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001  # its output is what is read
    await _answer(interaction)


bot.slash_command(name="hello", description="Say hello")(hello)
bot.run(TOKEN)
