"""hikari: logs in, answers ``/hello`` and tells what it received."""

from __future__ import annotations

import sys

import hikari

API, TOKEN = sys.argv[1], sys.argv[2]
bot = hikari.GatewayBot(TOKEN, intents=hikari.Intents.ALL_UNPRIVILEGED, rest_url=f"{API}/v10", banner=None)


def told(what: str) -> None:
    """One line for the runner."""
    print(what, flush=True)  # noqa: T201  # its output is what is read


@bot.listen()
async def _on_ready(event: hikari.ShardReadyEvent) -> None:
    told("ready")
    command = bot.rest.slash_command_builder("hello", "Say hello")
    await bot.rest.set_application_commands(event.my_user.id, [command])
    told("commands")


@bot.listen()
async def _on_guild(_: hikari.GuildAvailableEvent) -> None:
    told("guild")


@bot.listen()
async def _on_message(event: hikari.GuildMessageCreateEvent) -> None:
    if not event.is_bot:
        told("message")


@bot.listen()
async def _on_interaction(event: hikari.InteractionCreateEvent) -> None:
    if isinstance(event.interaction, hikari.CommandInteraction):
        await event.interaction.create_initial_response(hikari.ResponseType.MESSAGE_CREATE, "hello from hikari")
        told("answered")


bot.run(check_for_updates=False)
