"""``/context``: shows and clears what a channel remembers; exports and erases what is stored of a person."""

from __future__ import annotations

import io

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.discord_io.brought_along import is_brought_along
from bot.discord_io.client import ParallaxBot
from bot.discord_io.command_tree import text_layout
from bot.domain.conversation.help_threads import KeptHelp
from bot.domain.conversation.profile import ScopeChain
from bot.i18n.catalogue import say
from bot.presentation.context_bar import budget_picture
from bot.presentation.export import as_json, as_markdown
from bot.presentation.page import escape_inline
from bot.services.access.profiles import Profiles
from bot.services.access.rules import Access, Act
from bot.services.conversations.memory import ConversationService
from bot.services.requests.personal_data import PersonalData
from cogs.ui.base import BaseLayout, Press, acknowledge, fill_in, made_button, reply, with_notice
from cogs.ui.convert import asker_of, conversation_of, manages, person_of, place_of_interaction

QUESTION_SHOWN = 120
GIST_SHOWN = 1000


class Forget(BaseLayout):
    """Asks for confirmation before everything stored of a person is erased."""

    def __init__(self, personal: PersonalData, *, user_id: int, locale: str) -> None:
        super().__init__(owner_id=user_id)
        self._personal = personal
        self._locale = locale
        self.add_item(ui.TextDisplay(say(locale, "forget.confirm")))
        yes = made_button(say(locale, "forget.yes"), self._forget, style=discord.ButtonStyle.danger)
        self.add_item(ui.ActionRow(yes, made_button(say(locale, "forget.no"), self._keep)))

    async def authorise(self, interaction: Press) -> None:
        """Allow everybody: people may erase their own data even where they may not ask."""

    async def _forget(self, interaction: Press) -> None:
        await acknowledge(interaction)
        gone = await with_notice(interaction, self._personal.forget(interaction.user.id))
        locale = self._locale
        done = say(
            locale,
            "forget.done",
            questions=gone.questions,
            turns=gone.turns,
            thumbs=gone.thumbs,
            days=gone.days,
        )
        await self._end(interaction, done, say(locale, "forget.remains"))

    async def _keep(self, interaction: Press) -> None:
        await acknowledge(interaction)
        await self._end(interaction, say(self._locale, "forget.kept"))

    async def _end(self, interaction: Press, *paragraphs: str) -> None:
        self.clear_items()
        for paragraph in paragraphs:
            self.add_item(ui.TextDisplay(paragraph))
        self.stop()
        await fill_in(interaction, self)


class Context(commands.Cog):
    """The commands ``/context …``."""

    group = app_commands.Group(name="context", description="What this channel remembers of its questions.")

    def __init__(
        self, conversations: ConversationService, profiles: Profiles, access: Access, personal: PersonalData
    ) -> None:
        self._conversations = conversations
        self._access = access
        self._profiles = profiles
        self._personal = personal

    @group.command(name="show", description="Show what is sent along with the next question here.")
    @app_commands.describe(private="Show the memory of your private answers instead.")
    async def show(self, interaction: discord.Interaction, private: bool = False) -> None:
        """Show the conversation's memory, privately."""
        locale = interaction.locale.value
        place = place_of_interaction(interaction)
        await self._require(interaction, place, private=private)
        profile = await self._profiles.of(place.ids)
        options = self._profiles.options(profile, place, asker_of(interaction).name)
        memory = await self._conversations.memory(conversation_of(interaction, private=private), options)
        picture = budget_picture(
            persona=memory.persona, recalled=memory.recalled, limit=memory.limit, locale=locale
        )
        summary = say(
            locale,
            "context.summary",
            count=memory.turns,
            used=memory.used,
            tokens=memory.tokens,
            limit=memory.limit,
        )
        notes = escape_inline(" ".join(memory.gist.split())[:GIST_SHOWN])
        turns = "\n".join(
            "- "
            + say(
                locale,
                "context.turn",
                name=escape_inline(turn.asker_name),
                question=escape_inline(turn.question[:QUESTION_SHOWN]),
            )
            for turn in memory.newest
        )
        view = text_layout(
            f"### {say(locale, 'context.title')}",
            summary if memory.turns else say(locale, "context.empty"),
            picture,
            say(locale, "context.gist", text=notes) if notes else "",
            turns,
            f"-# {say(locale, 'context.private_note')}",
        )
        await reply(interaction, view, private=True)

    @group.command(name="clear", description="Forget what was asked and answered in this channel.")
    @app_commands.describe(private="Forget your private answers here instead.")
    async def clear(self, interaction: discord.Interaction, private: bool = False) -> None:
        """Clear the conversation's memory."""
        locale = interaction.locale.value
        await self._require(interaction, place_of_interaction(interaction), private=private)
        conversation = conversation_of(interaction, private=private)
        cleared = await self._conversations.clear(conversation, by=interaction.user.id)
        sentence = say(locale, "context.cleared", count=cleared) if cleared else say(locale, "context.nothing")
        is_private = private or not cleared or is_brought_along(interaction)
        await reply(interaction, text_layout(sentence), private=is_private)

    async def _require(self, interaction: discord.Interaction, place: ScopeChain, *, private: bool) -> None:
        """Raise :class:`NotAllowed` for anybody who may not use the memory that people in a channel share. Private
        answers and direct messages are a person's own."""
        if private or interaction.context.dm_channel:
            return
        await self._access.require(
            Act.USE_CHANNEL_MEMORY, person_of(interaction), place, manager=manages(interaction)
        )

    @group.command(name="export", description="Get everything that is stored of your questions, as files.")
    async def export(self, interaction: discord.Interaction) -> None:
        """Send the person's questions with their answers as Markdown and JSON, to them alone."""
        locale = interaction.locale.value
        await acknowledge(interaction, new=True)
        kept, summaries = await self._personal.export(interaction.user.id)
        keys = await self._personal.keys_of(interaction.user.id)
        schedules = await self._personal.schedules_of(interaction.user.id)
        helped = await self._personal.help_of(interaction.user.id)
        if not kept and not keys and not schedules and helped == KeptHelp():
            await fill_in(interaction, text_layout(say(locale, "export.nothing")))
            return
        files = {
            "questions.md": as_markdown(kept, summaries, keys, schedules, helped),
            "questions.json": as_json(kept, summaries, keys, schedules, helped),
        }
        limit = interaction.filesize_limit
        fitting = {name: data for name, data in files.items() if len(data) <= limit // 2}
        key = "export.done" if fitting else "export.too_large"
        layout = text_layout(say(locale, key, count=len(kept)) if fitting else say(locale, key))
        for name in fitting:
            layout.add_item(ui.File(f"attachment://{name}"))
        uploads = [discord.File(io.BytesIO(data), filename=name) for name, data in fitting.items()]
        await fill_in(interaction, layout, files=uploads)

    @group.command(name="forget-me", description="Erase everything that is stored about you, everywhere.")
    async def forget_me(self, interaction: discord.Interaction) -> None:
        """Ask for confirmation, then erase."""
        view = Forget(self._personal, user_id=interaction.user.id, locale=interaction.locale.value)
        await reply(interaction, view, private=True)


async def setup(bot: ParallaxBot) -> None:
    """Add the cog with its services."""
    services = bot.services
    await bot.add_cog(Context(services.conversations, services.profiles, services.access, services.personal))
