"""``/summarize``, and "Summarize from here" in a message's menu: what people wrote in a channel, in short."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord_io.calls import translated
from bot.discord_io.channel_history import History, Readable, read_history, require_member, require_readable
from bot.discord_io.client import ParallaxBot, Services
from bot.discord_io.first_answer import FirstAnswer, wait_for_turn
from bot.domain.channel_summary.messages import time_of
from bot.domain.channel_summary.plan import ChannelMessages
from bot.domain.channel_summary.since import Since, SinceMessage, SinceVisit, since_of
from bot.errors import AccessLost, MessageGone, UserError
from bot.i18n.catalogue import say
from bot.presentation.page import compact_duration
from bot.services.requests.ask import AskRequest
from cogs.ui.ask_flow import Asking, refused_privately
from cogs.ui.base import acknowledge
from cogs.ui.convert import ask_context_of, asker_of, destination_of, person_of, place_of_interaction

WORDS = ("visit", "today", "yesterday")
OFFERED_HOURS = (1, 4, 24)
"""Hours that are offered while somebody types."""


class Summaries(commands.Cog):
    """The ways to ask for a summary of a channel."""

    def __init__(self, bot: ParallaxBot, asking: Asking) -> None:
        self._bot = bot
        self._services: Services = bot.services
        self._asking = asking
        self._menu = app_commands.ContextMenu(name="Summarize from here", callback=self.summarize_from)

    async def cog_load(self) -> None:
        """Add the menu entry: menus belong to the command tree, not to a cog."""
        self._bot.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        """Remove the menu entry."""
        self._bot.tree.remove_command(self._menu.name, type=self._menu.type)

    @app_commands.command(name="summarize", description="Summarize what people wrote here while you were away.")
    @app_commands.describe(
        since="A message's link, 2 h, 3 d, today, yesterday or a date (UTC); else your last message here.",
        private="Show it only to me (the default), or to everybody here.",
    )
    async def summarize(
        self,
        interaction: discord.Interaction,
        since: app_commands.Range[str, 1, 120] | None = None,
        private: bool = True,
    ) -> None:
        """Summarise the channel, or that of the linked message."""
        words = _words(interaction.locale.value)
        begin = since_of(since or "", now=interaction.created_at.timestamp(), words=words)
        await self._summarise(interaction, begin, private=private)

    async def summarize_from(self, interaction: discord.Interaction, message: discord.Message) -> None:
        """Summarise the channel from a message on, privately."""
        await self._summarise(interaction, SinceMessage(message.id), private=True)

    @summarize.autocomplete("since")
    async def _complete_since(
        self, interaction: discord.Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        locale = interaction.locale.value
        offered = {say(locale, f"summary.{word}"): word for word in WORDS}
        offered |= {compact_duration(hours * 3600.0, locale): f"{hours} h" for hours in OFFERED_HOURS}
        wanted = current.casefold().strip()
        return [
            app_commands.Choice(name=name, value=value)
            for name, value in offered.items()
            if wanted in name.casefold() or wanted in value
        ]

    async def _summarise(self, interaction: discord.Interaction, since: Since, *, private: bool) -> None:
        """Read the channel, and put its summary into the queue. Raises what reading and submitting do."""
        FirstAnswer.of(interaction).asks(private=private)
        context = await ask_context_of(self._services, person_of(interaction), place_of_interaction(interaction))
        await wait_for_turn(interaction)
        await self._services.ask.admit(context)
        # Elsewhere Discord would refuse every call, and such refusals count towards a ban.
        guild = self._bot.get_guild(interaction.guild_id or 0)
        if guild is None or not isinstance(interaction.user, discord.Member):
            raise UserError("not in a server", key="error.summary_server")
        if not self._bot.intents.message_content:
            raise UserError("no message content", key="error.summary_hidden")
        # Reading takes longer than the 3 s an interaction waits.
        await acknowledge(interaction, new=private)
        async with refused_privately(interaction):
            channel = await self._channel(interaction, guild, interaction.user, since)
            if not private and channel.id != interaction.channel_id:
                raise UserError("others may not read there", key="error.summary_share_here")
            history = await read_history(self._services.history, channel, since, interaction.user)
            request = AskRequest(
                prompt=_title(interaction.locale.value, channel, since, history),
                asker=asker_of(interaction),
                context=context,
                destination=destination_of(interaction, private=private),
                heard_as=interaction.id,
                mentions={f"#{channel.name}": f"<#{channel.id}>"},
                messages=ChannelMessages(guild.id, channel.id, history.messages),
            )
            await self._asking.submit_here(interaction, request)

    async def _channel(
        self, interaction: discord.Interaction, guild: discord.Guild, viewer: discord.Member, since: Since
    ) -> Readable:
        """The channel that is meant, which the person may read. Raises :class:`UserError`,
        :class:`DeliveryError`."""
        wanted = interaction.channel_id or 0
        if isinstance(since, SinceMessage) and since.channel is not None:
            if since.server != guild.id:
                raise UserError("another server", key="error.summary_unseen")
            wanted = since.channel
        # The library's record of a channel, where there is one: an interaction's tells nothing of others' rights.
        found: object = guild.get_channel_or_thread(wanted)
        if found is None:
            try:
                with translated():
                    found = await guild.fetch_channel(wanted)
            except (AccessLost, MessageGone, discord.InvalidData) as error:
                raise UserError("no such channel", key="error.summary_unseen") from error
        channel = require_readable(found, viewer)
        await require_member(channel, viewer)
        return channel


def _words(locale: str) -> Mapping[str, str]:
    """What a person may write, in lower case: the words in their language, and in English."""
    own = {say(locale, f"summary.{word}").casefold(): word for word in WORDS}
    return own | {word: word for word in WORDS}


def _title(locale: str, channel: Readable, since: Since, history: History) -> str:
    """What is summarised, as the question that is shown above the summary."""
    key = "summary.title"
    if history.was_cut:
        key = "summary.title_cut"
    elif isinstance(since, SinceVisit) and history.visit is not None:
        key = "summary.title_visit"
    first = history.visit or history.messages[0].message_id
    return say(
        locale,
        key,
        channel=f"#{channel.name}",
        time=f"{datetime.fromtimestamp(time_of(first), UTC):%Y-%m-%d %H:%M}",
        messages=len(history.messages),
    )


async def setup(bot: ParallaxBot) -> None:
    """Add the cog with its services."""
    await bot.add_cog(Summaries(bot, Asking(bot.services, bot.application_id or 0)))
