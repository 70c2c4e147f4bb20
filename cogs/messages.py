"""The ways to ask besides ``/ask``: a mention, a reply, a direct message, a thread, and a message's menu."""

from __future__ import annotations

from collections import deque
from typing import Any

import discord
import structlog
from discord import app_commands, ui
from discord.ext import commands

from bot.discord_io.calls import NOBODY, translated
from bot.discord_io.client import ParallaxBot, Services
from bot.discord_io.command_tree import text_layout
from bot.domain.conversation.attached_text import as_quotation
from bot.domain.interaction_rates import Sent
from bot.domain.queue.request import StoredRequest
from bot.errors import BotError, DeliveryError, NotAllowed, TooFast
from bot.i18n.catalogue import fill, say
from bot.services.access.rules import Access, Act
from cogs.ui.ask_flow import Asking
from cogs.ui.base import BaseModal, Press
from cogs.ui.convert import locale_of_message, person_of, place_of_interaction, shown_in, words_of

log = structlog.get_logger(__name__)

HINTS_KEPT = 1000
_SPOKEN = frozenset({discord.MessageType.default, discord.MessageType.reply})


class AskAbout(BaseModal):
    """Asks for the question about a message."""

    def __init__(
        self, access: Access, asking: Asking, message: discord.Message, follows: str | None, locale: str
    ) -> None:
        super().__init__(title=say(locale, "asking.about_title")[:45], timeout=900)
        self._access = access
        self._asking = asking
        self._message = message
        self._follows = follows
        self._question: ui.TextInput[Any] = ui.TextInput(
            style=discord.TextStyle.paragraph, max_length=4000, custom_id="question"
        )
        self.add_item(ui.Label(text=say(locale, "asking.about_question")[:45], component=self._question))

    async def authorise(self, interaction: Press) -> None:
        """Raise :class:`NotAllowed` for anybody who may not ask here."""
        await require_asking(self._access, interaction)

    async def on_submit(self, interaction: Press, /) -> None:
        """Ask, with the message attached; an answer of the bot's own is followed up instead."""
        prompt, message = self._question.value, self._message
        if self._follows:
            await self._asking.by_interaction(interaction, prompt, follows=self._follows)
            return
        quoted = as_quotation(message.author.display_name, shown_in(message))
        await self._asking.by_interaction(interaction, prompt, files=message.attachments, attached_text=quoted)


async def require_asking(access: Access, interaction: Press) -> None:
    """Raise :class:`NotAllowed` for anybody who may not ask here."""
    await access.require(Act.ASK, person_of(interaction), place_of_interaction(interaction))


class Messages(commands.Cog):
    """Listens to messages that address the bot, and offers "Ask about this"."""

    def __init__(self, bot: ParallaxBot, asking: Asking) -> None:
        self._bot = bot
        self._services: Services = bot.services
        self._asking = asking
        self._rates = bot.guard.rates
        self._hinted: deque[int] = deque(maxlen=HINTS_KEPT)
        self._menu = app_commands.ContextMenu(name="Ask about this", callback=self.ask_about)

    async def cog_load(self) -> None:
        """Add the menu entry: menus belong to the command tree, not to a cog."""
        self._bot.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        """Remove the menu entry."""
        self._bot.tree.remove_command(self._menu.name, type=self._menu.type)

    async def ask_about(self, interaction: discord.Interaction, message: discord.Message) -> None:
        """Open the dialogue for a question about a message."""
        await require_asking(self._services.access, interaction)
        answered = await self._answer_in(message.id, interaction.channel_id or 0)
        await interaction.response.send_modal(
            AskAbout(self._services.access, self._asking, message, _root(answered), interaction.locale.value)
        )

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Take a message as a question when it addresses the bot."""
        if message.author.bot or message.webhook_id is not None or message.type not in _SPOKEN:
            return
        if self._bot.guard.refusal_in(message.guild.id if message.guild is not None else None) is not None:
            return
        try:
            await self._heard(message)
        except Exception as error:  # noqa: BLE001  # the library would only log it: the person is told here
            await self._refuse(message, error)

    async def _heard(self, message: discord.Message) -> None:
        me = self._me
        answered = await self._replied_to(message)
        mentioned = any(user.id == me for user in message.mentions)
        in_thread = isinstance(message.channel, discord.Thread)
        addressed = message.guild is None or answered is not None or mentioned
        if not addressed and (
            not in_thread or _to_others(message, me) or not await self._takes_part(message.channel)
        ):
            return
        if not self._rates.take(message.author.id, Sent.MESSAGE):
            if self._rates.should_tell(message.author.id):
                raise TooFast("too many messages")
            return
        if not message.content and not message.attachments:
            await self._hint(message, once=answered is None and not mentioned)
            return
        await self._asking.by_message(
            message,
            words_of(message, me),
            files=message.attachments,
            attached_text=self._quoted(message) if answered is None else "",
            follows=_root(answered),
        )

    @property
    def _me(self) -> int:
        return self._bot.user.id if self._bot.user is not None else 0

    async def _replied_to(self, message: discord.Message) -> StoredRequest | None:
        """The question whose answer the message replies to, or None."""
        reference, target = message.reference, _target(message)
        if reference is None or reference.message_id is None or (target and target.author.id != self._me):
            return None
        return await self._answer_in(reference.message_id, message.channel.id)

    async def _answer_in(self, message_id: int, channel_id: int) -> StoredRequest | None:
        """The question that this message of the channel answers, or None; private ones are not looked up."""
        found = await self._services.actions.shown_in(message_id)
        if found is None:
            return None
        shown = found.question.destination
        return None if shown.private or shown.channel_id != channel_id else found

    async def _takes_part(self, channel: object) -> bool:
        """Whether the bot takes part in a thread: it opened the thread, or the thread began at an answer."""
        if not isinstance(channel, discord.Thread):
            return False
        return channel.owner_id == self._me or await self._services.actions.shown_in(channel.id) is not None

    def _quoted(self, message: discord.Message) -> str:
        """The message of somebody else that this one replies to, as a quotation."""
        target = _target(message)
        if target is None or target.author.id == self._me:
            return ""
        said = shown_in(target)
        return as_quotation(target.author.display_name, said) if said else ""

    async def _hint(self, message: discord.Message, *, once: bool) -> None:
        """Say what to do so that Discord shows the bot a message's text."""
        if once and message.channel.id in self._hinted:
            return
        self._hinted.append(message.channel.id)
        sentence = say(locale_of_message(message), "asking.hidden", bot=f"<@{self._me}>")
        await self._say(message, sentence)

    async def _refuse(self, message: discord.Message, error: Exception) -> None:
        if isinstance(error, BotError):
            log.info("message.refused", user=message.author.id, error=type(error).__name__, detail=str(error))
            if isinstance(error, NotAllowed) and error.key == "error.ask_blocked":
                return
            await self._say(message, fill(locale_of_message(message), error.key, error.params))
            return
        log.error("message.failed", user=message.author.id, exc_info=error)
        await self._say(message, say(locale_of_message(message), "error.unexpected"))

    async def _say(self, message: discord.Message, sentence: str) -> None:
        try:
            with translated():
                await message.reply(
                    view=text_layout(sentence[:3900]), mention_author=False, allowed_mentions=NOBODY
                )
        except DeliveryError as failure:
            log.warning("message.not_told", channel=message.channel.id, detail=str(failure))


def _root(answered: StoredRequest | None) -> str | None:
    return None if answered is None else answered.question.root_id or answered.request_id


def _to_others(message: discord.Message, me: int) -> bool:
    """Whether people talk to each other in a thread of the bot's."""
    target = _target(message)
    return any(user.id != me for user in message.mentions) or (target is not None and target.author.id != me)


def _target(message: discord.Message) -> discord.Message | None:
    """The message that this one replies to, as far as Discord sent it along."""
    target = message.reference.resolved if message.reference is not None else None
    return target if isinstance(target, discord.Message) else None


async def setup(bot: ParallaxBot) -> None:
    """Add the cog with its services."""
    await bot.add_cog(Messages(bot, Asking(bot.services, bot.application_id or 0)))
