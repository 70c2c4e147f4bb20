"""A small discord.py bot for the browser tests: what it answers is what the page has to draw."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import warnings
from collections.abc import AsyncIterator
from typing import Any

import pytest
import yarl

from sandbox.discord_api import DiscordDouble

with warnings.catch_warnings():  # discord.py 2.7 imports audioop, which Python 3.11 calls deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    import discord
    from discord import app_commands, ui
    from discord.ext import commands

Pressed = discord.Interaction[Any]

DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
"""A picture of one pixel."""


class Growing(ui.LayoutView):
    """An answer while it streams (with Stop) and when it is done (with Reasoning and Broken)."""

    def __init__(self, text: str, *, done: bool) -> None:
        super().__init__(timeout=None)
        self.add_item(ui.TextDisplay(text))
        self.add_item(ui.TextDisplay("-# Qwen3-8B · 41 tok/s"))
        labels = ("Reasoning", "Broken") if done else ("Stop",)
        row: ui.ActionRow[Growing] = ui.ActionRow()
        for label in labels:
            row.add_item(ui.Button(label=label, custom_id=f"answer:{label.lower()}"))
        self.add_item(row)


class Question(ui.Modal, title="Ask about this"):
    """One text, as the message menu opens it."""

    question: ui.Label[Question] = ui.Label(
        text="Question", component=ui.TextInput(style=discord.TextStyle.paragraph, max_length=200)
    )

    async def on_submit(self, interaction: Pressed) -> None:
        """Answer with what was written."""
        field = self.question.component
        written = field.value if isinstance(field, ui.TextInput) else ""
        await interaction.response.send_message(f"You asked: {written}", ephemeral=True)


EMBED = discord.Embed(
    title="A title", url="https://example.com/title", description="With **bold** words.", colour=0x3BA55D
)
EMBED.set_author(name="An author").set_footer(text="A footer")
EMBED.add_field(name="Beside", value="one").add_field(name="Below", value="two", inline=False)


class Legacy(ui.View):
    """A row of buttons and a select, as messages without Components V2 have them."""

    def __init__(self) -> None:
        super().__init__(timeout=None)
        self.add_item(ui.Button(label="Elsewhere", url="https://example.com"))
        self.add_item(ui.Button(label="No more", custom_id="gallery:off", disabled=True))
        options = [
            discord.SelectOption(label=name, description=f"The letter {name}") for name in ("Alpha", "Beta")
        ]
        self.add_item(ui.Select(custom_id="gallery:pick", placeholder="Pick a letter", options=options))
        self.add_item(ui.UserSelect(custom_id="gallery:who", placeholder="Pick somebody"))


class Pictures(ui.LayoutView):
    """What Components V2 have besides texts and buttons; the container is a spoiler."""

    def __init__(self) -> None:
        super().__init__(timeout=None)
        thumbnail: ui.Thumbnail[Pictures] = ui.Thumbnail("attachment://dot.png", description="A small dot")
        self.add_item(ui.Section(ui.TextDisplay("Beside a picture"), accessory=thumbnail))
        self.add_item(ui.Separator())
        gallery: ui.MediaGallery[Pictures] = ui.MediaGallery()
        self.add_item(gallery.add_item(media="attachment://dot.png", description="A dot"))
        self.add_item(ui.File("attachment://report.txt"))
        self.add_item(ui.Container(ui.TextDisplay("Under the cover"), accent_colour=0xED4245, spoiler=True))


class PageBot(commands.AutoShardedBot):
    """``/ask`` answers at once, then grows when :attr:`grow` is set; ``/silent`` never answers."""

    def __init__(self) -> None:
        super().__init__(commands.when_mentioned, intents=discord.Intents(guilds=True), help_command=None)
        self.grow = asyncio.Event()
        self._add_commands()

    async def setup_hook(self) -> None:
        """Register the commands before the gateway opens."""
        await self.tree.sync()

    async def on_interaction(self, interaction: Pressed) -> None:
        """Presses: Reasoning and choices are answered privately, anything else is left without an answer."""
        if interaction.type is not discord.InteractionType.component or interaction.data is None:
            return
        pressed, chosen = interaction.data.get("custom_id"), interaction.data.get("values")
        if pressed == "answer:reasoning":
            await interaction.response.send_message("Because it is **faster**.", ephemeral=True)
        elif chosen:
            await interaction.response.send_message(f"You chose {chosen}", ephemeral=True)

    def _add_commands(self) -> None:
        @self.tree.command(name="ask", description="Ask the cluster")
        @app_commands.describe(prompt="Your question", private="Only you see the answer")
        async def ask(interaction: Pressed, prompt: str, private: bool = False) -> None:
            view = Growing(f"> {prompt}\nFirst words", done=False)
            await interaction.response.send_message(view=view, ephemeral=private)
            await self.grow.wait()
            text = f"> {prompt}\nFirst words and **the rest**\n```py\nx = 1\n```"
            await interaction.edit_original_response(view=Growing(text, done=True))

        @self.tree.command(name="pick", description="Pick a model")
        async def pick(interaction: Pressed, model: str) -> None:
            await interaction.response.send_message(f"You picked {model}")

        @pick.autocomplete("model")
        async def suggest(_: Pressed, current: str) -> list[app_commands.Choice[str]]:
            models = ("Qwen/Qwen3-8B", "openai/gpt-oss-20b")
            return [app_commands.Choice(name=name, value=name) for name in models if current in name]

        @self.tree.command(name="silent", description="Never answers")
        async def silent(_: Pressed) -> None:
            return

        @self.tree.command(name="read", description="Read a file")
        async def read(interaction: Pressed, file: discord.Attachment) -> None:
            await interaction.response.send_message(f"{file.filename}: {(await file.read()).decode()}")

        @self.tree.command(name="gallery", description="Show one of everything")
        async def gallery(interaction: Pressed) -> None:
            said = "Psst, ||the secret||, since <t:1700000000:D>, <t:946684800:R>"
            await interaction.response.send_message(said, embed=EMBED, view=Legacy())
            files = [_file("notes.txt", b"n" * 2048), _file("SPOILER_plot.txt", b"p")]
            await interaction.followup.send("Two files", files=files)
            await interaction.followup.send(
                view=Pictures(), files=[_file("dot.png", DOT), _file("report.txt", b"r")]
            )

        @self.tree.command(name="hesitate", description="Only type")
        async def hesitate(interaction: Pressed) -> None:
            await interaction.response.send_message("Let me see", ephemeral=True)
            assert isinstance(interaction.channel, discord.TextChannel)
            await interaction.channel.typing()

        @self.tree.context_menu(name="Wave at")
        async def wave(interaction: Pressed, member: discord.Member) -> None:
            await interaction.response.send_message(f"You waved at {member.display_name}")

        @self.tree.context_menu(name="Ask about this")
        async def about(interaction: Pressed, _: discord.Message) -> None:
            await interaction.response.send_modal(Question())


def _file(name: str, content: bytes) -> discord.File:
    return discord.File(io.BytesIO(content), name)


@contextlib.asynccontextmanager
async def running_page_bot(discord_double: DiscordDouble) -> AsyncIterator[PageBot]:
    """The bot, connected to the double and with its commands registered."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(discord.http.Route, "BASE", discord_double.api_url)
        gateway = yarl.URL(discord_double.gateway_url)
        patch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", gateway)
        async with PageBot() as bot:
            task = asyncio.create_task(bot.start(discord_double.token), name="page bot")
            try:
                await discord_double.bot_ready()
                yield bot
            finally:
                await bot.close()
                await task
