"""The ways to ask besides ``/ask``: a mention, a reply, a direct message, a thread, and a message's menu."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Any, NamedTuple

import discord
import structlog
from discord import app_commands, ui
from discord.ext import commands

from bot.discord_io.calls import send_reply, translated
from bot.discord_io.client import ParallaxBot, Services
from bot.discord_io.command_tree import text_layout
from bot.discord_io.message_text import (
    files_of,
    forwarded_files,
    forwarded_in,
    own_roles,
    quoted,
    text_in,
    words_of,
)
from bot.domain.interaction_rates import Sent
from bot.domain.queue.request import StoredRequest
from bot.errors import BotError, DeliveryError, NotAllowed, TooFast, UserError
from bot.i18n.catalogue import fill, say
from bot.services.access.rules import Access, Act
from bot.services.requests.help_desk import Wanted
from cogs.ui.ask_flow import Asking
from cogs.ui.base import BaseModal, Press, open_dialogue
from cogs.ui.convert import locale_of_message, person_of, place_of_interaction
from cogs.ui.help_posts import HelpMessage, HelpPosts, with_title
from cogs.ui.missed import MissedQuestions
from cogs.ui.proxied import ProxiedQuestions, Repeated

log = structlog.get_logger(__name__)

HINTS_KEPT = 1000
OPENED_WITHIN = 1.0
"""Seconds that a dialogue waits for Discord to tell a person's roles."""
_SPOKEN = frozenset({discord.MessageType.default, discord.MessageType.reply})


class AskAbout(BaseModal):
    """Asks for the question about a message."""

    def __init__(
        self, access: Access, asking: Asking, message: discord.Message, follows: str | None, locale: str
    ) -> None:
        super().__init__(title=say(locale, "asking.about_title")[:45])
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
        about = files_of(message)
        await self._asking.by_interaction(
            interaction, prompt, about=about, attached_text=quoted(message, interaction.user)
        )


async def require_asking(access: Access, interaction: Press) -> None:
    """Raise :class:`NotAllowed` for anybody who may not ask here."""
    await access.require(Act.ASK, person_of(interaction), place_of_interaction(interaction))


class Addressed(NamedTuple):
    """That a message is for the bot: ``answered`` is the question whose answer it replies to, ``directly`` whether
    it means the bot by itself, and not only because of where it was written. ``help_message`` is what a help
    channel decides."""

    answered: StoredRequest | None
    directly: bool
    help_message: HelpMessage


class Messages(commands.Cog):
    """Listens to messages that address the bot, and offers "Ask about this"."""

    def __init__(self, bot: ParallaxBot, asking: Asking) -> None:
        self._bot = bot
        self._services: Services = bot.services
        self._asking = asking
        self._rates = bot.guard.rates
        self._help = HelpPosts(bot)
        self._hinted: deque[int] = deque(maxlen=HINTS_KEPT)
        self._missed = MissedQuestions(bot, self)
        self._proxied = ProxiedQuestions() if bot.services.proxied_messages else None
        self._menu = app_commands.ContextMenu(name="Ask about this", callback=self.ask_about)

    async def cog_load(self) -> None:
        """Add the menu entry: menus belong to the command tree, not to a cog."""
        self._bot.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        """Remove the menu entry."""
        self._bot.tree.remove_command(self._menu.name, type=self._menu.type)

    async def ask_about(self, interaction: discord.Interaction, message: discord.Message) -> None:
        """Open the dialogue for a question about a message."""
        # Only the first answer can open a dialogue. Submitted, it is checked in any case.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(OPENED_WITHIN):
                await require_asking(self._services.access, interaction)
        answered = await self._answer_in(message.id, interaction.channel_id or 0)
        if answered is None and not text_in(message, interaction.user) and not files_of(message):
            raise UserError(f"message {message.id} has no text", key="error.nothing_to_read")
        root, locale = _root(answered), interaction.locale.value
        await open_dialogue(interaction, AskAbout(self._services.access, self._asking, message, root, locale))

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Take a message as a question when it addresses the bot."""
        if message.webhook_id is not None:
            if self._proxied is not None:
                await self._adopt(self._proxied.repeated(message, words_of(message, self._me)))
            return
        if message.author.bot or message.type not in _SPOKEN:
            return
        if self._bot.guard.refusal_in(message.guild.id if message.guild is not None else None) is not None:
            return
        try:
            await self._heard(message)
        except Exception as error:  # noqa: BLE001  # the library would only log it: the person is told here
            await self.refuse(message, error)

    @commands.Cog.listener()
    async def on_shard_ready(self, shard_id: int) -> None:
        """Look for what was asked before this session began: Discord tells nothing of it."""
        self._missed.begin(shard_id)

    @commands.Cog.listener()
    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        """Ask a deleted question again when a webhook has repeated it."""
        if self._proxied is not None:
            await self._adopt(self._proxied.deleted(event.message_id))

    async def _adopt(self, pair: Repeated | None) -> None:
        """Let the repetition take the place of a deleted question."""
        if pair is None:
            return
        try:
            # It must not count against its asker's limit any more.
            await self._services.personal.message_deleted(pair.original.id)
            await self._ask(pair.repetition, await self._replied_to(pair.original), original=pair.original)
        except Exception as error:  # noqa: BLE001  # as above
            await self.refuse(pair.repetition, error)

    async def _addressed(self, message: discord.Message) -> Addressed | None:
        """Whether and how the message is for the bot."""
        me = self._me
        answered = await self._replied_to(message)
        mentioned = any(user.id == me for user in message.mentions) or bool(own_roles(message, me))
        addressed = message.guild is None or answered is not None or mentioned
        help_message = await self._help.look(message, to_others=_to_others(message, me))
        if not addressed and not await self._goes_on(message, help_message):
            return None
        return Addressed(answered, answered is not None or mentioned, help_message)

    async def _goes_on(self, message: discord.Message, found: HelpMessage) -> bool:
        """Whether a message that does not address the bot is answered: a help channel decides, or it goes on in a
        thread of the bot's."""
        if found.wanted is not Wanted.NOT_HELPED:
            return found.wanted is not Wanted.NOTHING
        thread = message.channel if isinstance(message.channel, discord.Thread) else None
        return thread is not None and not _to_others(message, self._me) and await self._takes_part(thread)

    async def asks(self, message: discord.Message) -> bool:
        """Whether somebody asks the bot with this message, and its text can be read. Raises
        :class:`StorageError`."""
        if message.author.bot or message.webhook_id is not None or message.type not in _SPOKEN:
            return False
        return not self._is_unreadable(message) and await self._addressed(message) is not None

    async def take_missed(self, message: discord.Message) -> None:
        """Take a message as a question that was asked while the bot was away. Raises what asking does."""
        found = await self._addressed(message)
        if found is not None:
            await self._take(message, found, missed=True)

    async def _heard(self, message: discord.Message) -> None:
        found = await self._addressed(message)
        if found is None:
            return
        if not self._missed.heard(message.id):
            return
        if not await self._bot.guard.hears(message.id):
            return
        if not self._rates.take(message.author.id, Sent.MESSAGE):
            if self._rates.should_tell(message.author.id):
                raise TooFast("too many messages")
            return
        if self._is_unreadable(message):
            await self._hint(message, once=not found.directly)
            return
        if self._proxied is not None:
            pair = self._proxied.asked(message, words_of(message, self._me))
            if pair is not None:
                await self._adopt(pair)
                return
        await self._take(message, found)

    async def _take(self, message: discord.Message, found: Addressed, *, missed: bool = False) -> None:
        """Ask what a message says, unless it is one post too many of its help channel today."""
        help_message = found.help_message
        is_post = help_message.wanted is Wanted.ANSWER
        if is_post and not await self._help.open(help_message):
            is_post = False
            if not found.directly:
                if self._help.should_tell_full(help_message):
                    await self.say(message, say(locale_of_message(message), "help.full"))
                return
        try:
            await self._ask(message, found.answered, is_post=is_post, missed=missed)
        except NotAllowed as error:
            if found.directly or help_message.wanted is Wanted.NOT_HELPED:
                raise
            # The bot was not asked, so it does not say that it may not be.
            log.info("help.not_allowed", user=message.author.id, detail=str(error))

    async def _ask(
        self,
        message: discord.Message,
        answered: StoredRequest | None,
        *,
        original: discord.Message | None = None,
        is_post: bool = False,
        missed: bool = False,
    ) -> None:
        """Ask what a message says, which repeats ``original`` when that is given, or is a help channel's post."""
        question, forwarded = with_title(message, words_of(message, self._me)), forwarded_in(message)
        asked_by = original or message
        # Somebody else's message that this one replies to is what the question is about.
        about = None if answered is not None else _target(asked_by)
        if about is not None and about.author.id == self._me:
            about = None
        if not (question or forwarded or files_of(message)):
            self._require_text(message, about)
        material = quoted(about, asked_by.author) if about is not None else ""
        await self._asking.by_message(
            message,
            question,
            files=message.attachments,
            about=[*forwarded_files(message), *(files_of(about) if about is not None else ())],
            attached_text="\n\n".join(filter(None, (forwarded, material))),
            follows=_root(answered),
            original=original,
            is_post=is_post,
            missed=missed,
        )

    def _require_text(self, message: discord.Message, about: discord.Message | None) -> None:
        """Raise :class:`UserError` when neither a message without words nor the one that it is about has any
        text."""
        if about is None:
            if not message.content:
                raise UserError(f"message {message.id} has no text", key="error.nothing_to_read")
        elif not text_in(about, message.author) and not files_of(about):
            key = "error.message_hidden" if self._is_hidden(about) else "error.nothing_to_read"
            raise UserError(f"message {about.id} has no text", key=key)

    def _is_unreadable(self, message: discord.Message) -> bool:
        """Whether there is nothing to read in a message because Discord leaves it out."""
        return not message.content and not files_of(message) and self._is_hidden(message)

    def _is_hidden(self, message: discord.Message) -> bool:
        """Whether it is Discord that leaves out the text of a message without any (docs, events/gateway, "Message
        Content Intent")."""
        return message.guild is not None and not self._bot.intents.message_content

    @property
    def _me(self) -> int:
        return self._bot.user.id if self._bot.user is not None else 0

    async def _replied_to(self, message: discord.Message) -> StoredRequest | None:
        """The question whose answer the message replies to, or None."""
        reference, target = message.reference, _target(message)
        if reference is None or reference.message_id is None or (target and target.author.id != self._me):
            return None
        if reference.type is not discord.MessageReferenceType.default:
            return None
        return await self._answer_in(reference.message_id, message.channel.id)

    async def _answer_in(self, message_id: int, channel_id: int) -> StoredRequest | None:
        """The question that this message of the channel answers, or None; private ones are not looked up."""
        found = await self._services.actions.shown_in(message_id)
        if found is None:
            return None
        shown = found.question.destination
        return None if shown.private or shown.channel_id != channel_id else found

    async def _takes_part(self, thread: discord.Thread) -> bool:
        """Whether the bot takes part in a thread: it opened the thread, or the thread began at an answer."""
        return thread.owner_id == self._me or await self._services.actions.shown_in(thread.id) is not None

    async def _hint(self, message: discord.Message, *, once: bool) -> None:
        """Say what to do so that Discord shows the bot a message's text."""
        if once and message.channel.id in self._hinted:
            return
        self._hinted.append(message.channel.id)
        sentence = say(locale_of_message(message), "asking.hidden", bot=f"<@{self._me}>")
        await self.say(message, sentence)

    async def refuse(self, message: discord.Message, error: Exception) -> None:
        """Say why a message was not taken as a question."""
        if isinstance(error, BotError):
            log.info("message.refused", user=message.author.id, error=type(error).__name__, detail=str(error))
            if isinstance(error, NotAllowed) and error.key == "error.ask_blocked":
                return
            await self.say(message, fill(locale_of_message(message), error.key, error.params))
            return
        log.error("message.failed", user=message.author.id, exc_info=error)
        await self.say(message, say(locale_of_message(message), "error.unexpected"))

    async def say(self, message: discord.Message, sentence: str) -> None:
        """Reply to a message with one sentence."""
        try:
            with translated():
                await send_reply(message.channel, message.to_reference(), view=text_layout(sentence[:3900]))
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
