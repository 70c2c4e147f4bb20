"""interactions.py: logs in, answers ``/hello`` and tells what it received."""

from __future__ import annotations

import sys
from typing import Any

import interactions

API, TOKEN = sys.argv[1], sys.argv[2]
route: Any = interactions.api.http.route.Route
route.BASE = f"{API}/v10"
bot = interactions.Client(intents=interactions.Intents.GUILDS | interactions.Intents.GUILD_MESSAGES)


def told(what: str) -> None:
    """One line for the runner."""
    print(what, flush=True)  # noqa: T201  # its output is what is read


@interactions.listen()
async def on_startup() -> None:
    """The library has read READY and every guild, and has registered its commands."""
    told("ready")
    told("commands")
    if len(bot.guilds) == 2:
        told("guild")


@interactions.listen()
async def on_message_create(event: interactions.api.events.MessageCreate) -> None:
    """Somebody said something."""
    if not event.message.author.bot:
        told("message")


@interactions.slash_command("hello", description="Say hello")
async def hello(ctx: interactions.SlashContext) -> None:
    """The command."""
    await ctx.send("hello from interactions.py")
    told("answered")


bot.start(TOKEN)
