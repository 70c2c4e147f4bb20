"""Taking a question from Discord to the queue: the same for every way to ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import discord
import structlog

from bot.discord_io.brought_along import is_brought_along
from bot.discord_io.calls import NOBODY, send_reply, translated
from bot.discord_io.client import Services
from bot.discord_io.command_tree import tell, text_layout
from bot.discord_io.first_answer import FirstAnswer, wait_for_turn
from bot.discord_io.message_text import mentions_of, prompt_with_names
from bot.domain.conversation.attached_text import AttachedFiles, Doubt, as_left_out
from bot.domain.queue.request import Destination
from bot.errors import AttachmentRejected, BotError, DeliveryError
from bot.i18n.catalogue import say
from bot.presentation.page import quote_question
from bot.services.requests.ask import AskRequest
from bot.tasks.keyed_locks import KeyedLocks
from cogs.ui.base import acknowledge, fill_in, reply, respond
from cogs.ui.convert import (
    ask_context_of,
    asker_of,
    author_of,
    destination_of,
    person_of,
    place_of,
    place_of_interaction,
)
from cogs.ui.question_threads import may_open_thread, thread_on

log = structlog.get_logger(__name__)

# Of the first response to an interaction: it came after the three seconds (docs, topics/opcodes-and-status-codes,
# "JSON Error Codes").
UNKNOWN_INTERACTION = 10062

MOST_FILES = 10

SLOW_AFTER = 1.5
"""Seconds: a message whose question is not in the queue by then is answered first with a sentence that says so."""

T = TypeVar("T")


class Asking:
    """Takes questions from interactions and from messages."""

    def __init__(self, services: Services, application_id: int) -> None:
        self._services = services
        self._application_id = application_id
        self._opening = KeyedLocks()

    async def by_interaction(
        self,
        interaction: discord.Interaction,
        prompt: str,
        *,
        files: Sequence[discord.Attachment] = (),
        about: Sequence[discord.Attachment] = (),
        attached_text: str = "",
        private: bool | None = None,
        think: bool | None = None,
        thread: bool | None = None,
        follows: str | None = None,
    ) -> None:
        """Submit a question and acknowledge it with the message that becomes the answer.

        ``about`` are the files of the message that the question is about: of these, what cannot be read is left
        out. ``private``, ``think`` and ``thread`` None leave that to the profile; the rest as in
        :class:`AskRequest`. Raises what submitting and reading attachments do.
        """
        place = place_of_interaction(interaction)
        profile = await self._services.profiles.remembered(place.ids)
        is_private = profile.private if private is None else private
        FirstAnswer.of(interaction).asks(private=is_private)
        context = await ask_context_of(self._services, person_of(interaction), place)
        await wait_for_turn(interaction)
        named = await prompt_with_names(self._services, interaction, prompt)
        request = AskRequest(
            prompt=named.text,
            asker=asker_of(interaction),
            context=context,
            destination=destination_of(interaction, private=is_private),
            heard_as=interaction.id,
            attached_text=attached_text,
            think=think,
            follows=None if is_private else follows,
            mentions=named.mentions,
        )
        if files or about:
            self._services.attachments.check_all(files)
            # A download may take longer than the 3 s an interaction waits.
            await acknowledge(interaction, new=is_private)
        async with refused_privately(interaction):
            request, doubts = await self._with_files(request, files, about)
            threaded = (context.profile.threads if thread is None else thread) and not is_private
            threaded = threaded and not is_brought_along(interaction)
            if threaded and isinstance(interaction.channel, discord.TextChannel) and may_open_thread(interaction):
                await self._in_thread(interaction, interaction.channel, request)
            else:
                await self.submit_here(interaction, request)
        await _tell_doubts(doubts, request.asker.locale, partial(tell, interaction))

    async def by_message(
        self,
        message: discord.Message,
        prompt: str,
        *,
        files: Sequence[discord.Attachment] = (),
        about: Sequence[discord.Attachment] = (),
        attached_text: str = "",
        follows: str | None = None,
        original: discord.Message | None = None,
        is_post: bool = False,
        missed: bool = False,
    ) -> None:
        """Submit the question in a message and reply to it with the message that becomes the answer.

        ``original`` is the asker's own message, when a webhook repeats it under another name. ``missed``:
        it was written while the bot was away. ``is_post``: it is a post of a help channel, which is answered in a
        thread. Other parameters and errors as :meth:`by_interaction`.
        """
        person, asker = author_of(original or message)
        asker = replace(asker, name=message.author.display_name)
        target: discord.abc.Messageable = message.channel
        reply_to: discord.MessageReference | None = message.to_reference(fail_if_not_exists=False)
        context = await ask_context_of(
            self._services, person, place_of(message.channel, message.channel.id, message.guild)
        )
        await self._services.ask.admit(context)
        request = AskRequest(
            prompt=prompt,
            asker=asker,
            context=context,
            destination=self._destination(message.channel.id, message.guild),
            heard_as=message.id,
            attached_text=attached_text,
            source_message_id=message.id,
            follows=follows,
            is_post=is_post,
            mentions=mentions_of(message, (original or message).author),
            missed=missed,
        )
        async with _typing(target) if files or about else nullcontext():
            request, doubts = await self._with_files(request, files, about)
        threaded = (context.profile.threads or is_post) and isinstance(message.channel, discord.TextChannel)
        async with self._opening.of(asker.user_id) if threaded else nullcontext():
            if threaded:
                await self._services.ask.check(request)
                thread = await thread_on(message, request.prompt)
                if thread is not None:
                    target, reply_to = thread, None
                    request = self._moved(request, thread, message.guild)
            await self._submit(request, target, reply_to)
        await self._services.personal.taken(message.id)
        await _tell_doubts(doubts, asker.locale, partial(_answer_with, message))

    async def submit_here(self, interaction: discord.Interaction, request: AskRequest) -> None:
        """Submit what an interaction asks, and acknowledge it where that was used. Raises what submitting does."""
        private = request.destination.private
        accepted = await told_when_slow(interaction, self._services.ask.submit(request), private=private)
        if accepted is None:
            return
        view = self._services.layout(accepted.page, accepted.request_id, accepted.locale)
        try:
            with translated():
                message_id = await answer(interaction, view, private=private)
        except DeliveryError as error:
            # The question is in the queue already: it is answered in the channel where that is possible.
            self._services.metrics.late_interactions.inc()
            log.warning("ask.not_acknowledged", request_id=accepted.request_id, code=_code(error))
            if _code(error) == UNKNOWN_INTERACTION:
                self._services.ask.refused(accepted)
                return
            message_id = None
        await self._services.ask.acknowledged(accepted, message_id)

    async def _in_thread(
        self, interaction: discord.Interaction, channel: discord.TextChannel, request: AskRequest
    ) -> None:
        """Show the question in the channel, and its answer in a thread on that message."""
        asker = request.asker
        # One at a time: several of one person's questions must not pass the check for the same last place.
        async with self._opening.of(asker.user_id):
            await self._services.ask.check(request)
            note = say(asker.locale, "asking.thread", asker=f"<@{asker.user_id}>")
            opening = text_layout(quote_question(request.prompt), f"-# {note}")
            message_id = await answer(interaction, opening, private=False) or 0
            thread = await thread_on(channel.get_partial_message(message_id), request.prompt)
            if thread is None:
                await self.submit_here(interaction, request)
                return
            await self._submit(self._moved(request, thread, interaction.guild), thread, None)

    def _moved(self, request: AskRequest, thread: discord.Thread, guild: discord.Guild | None) -> AskRequest:
        """The request for a thread that was opened for it, where no branch goes on."""
        return replace(
            request,
            context=replace(request.context, place=place_of(thread, thread.id, guild)),
            destination=self._destination(thread.id, guild),
            follows=None,
        )

    async def _with_files(
        self, request: AskRequest, files: Sequence[discord.Attachment], about: Sequence[discord.Attachment]
    ) -> tuple[AskRequest, Sequence[Doubt]]:
        """The request with the text of its files, and of those of the message that it is about; and what the asker
        should check about them. Raises :class:`AttachmentRejected`, :class:`WaitListFull`."""
        user_id, read, left_out = request.asker.user_id, [AttachedFiles(request.attached_text)], []
        about = about[:MOST_FILES]
        for file in about:
            try:
                read.append(await self._services.attachments.read_all([file], user_id=user_id))
            except AttachmentRejected as error:
                if file is about[-1] and not any(each.text for each in read):
                    # There is nothing else in the message that the question is about.
                    raise
                log.info("ask.file_left_out", error=error.key)
                left_out.append(as_left_out(file.filename))
        if files:
            read.append(await self._services.attachments.read_all(files, user_id=user_id))
        texts = [text for text in (*(each.text for each in read), *left_out) if text]
        if not request.prompt and texts:
            # What came without words, a file, a forwarded message or a bare reply, is the question itself.
            request = replace(request, prompt=texts.pop(0))
        doubts = [doubt for each in read for doubt in each.doubts]
        return replace(request, attached_text="\n\n".join(texts)), doubts

    def _destination(self, channel_id: int, guild: discord.Guild | None) -> Destination:
        return Destination(
            application_id=self._application_id,
            channel_id=channel_id,
            guild_id=guild.id if guild is not None else None,
            private=False,
            channel_route=True,
        )

    async def _submit(
        self, request: AskRequest, target: discord.abc.Messageable, reply_to: discord.MessageReference | None
    ) -> None:
        """Submit a question and send the message that becomes the answer; when the database is slow, first with a
        sentence that says so."""
        sent: list[discord.Message] = []

        async def tell(sentence: discord.ui.LayoutView) -> None:
            sent.append(await send_reply(target, reply_to, view=sentence))

        try:
            work = self._services.ask.submit(request)
            accepted = await _told_when_slow(work, request.asker.locale, tell)
        except BotError:
            await _delete(sent)
            raise
        if accepted is None:
            await _delete(sent)
            return
        view = self._services.layout(accepted.page, accepted.request_id, accepted.locale)
        message_id: int | None = None
        try:
            with translated():
                if sent:
                    message_id = sent[0].id
                    # Not Message.edit, which brings previews of links back (discord.py 2.7.1, message.py).
                    partial = discord.PartialMessage(channel=sent[0].channel, id=message_id)
                    await partial.edit(view=view, allowed_mentions=NOBODY)
                else:
                    shown = await send_reply(target, reply_to, view=view, nonce=f"{accepted.request_id}-0")
                    message_id = shown.id
        except DeliveryError as error:
            log.warning("ask.not_acknowledged", request_id=accepted.request_id, code=_code(error))
        await self._services.ask.acknowledged(accepted, message_id)


async def _delete(messages: Sequence[discord.Message]) -> None:
    for message in messages:
        try:
            with translated():
                await message.delete()
        except DeliveryError as error:
            log.info("ask.sentence_not_removed", code=_code(error))


@asynccontextmanager
async def refused_privately(interaction: discord.Interaction) -> AsyncIterator[None]:
    """Remove what acknowledged an interaction when the block refuses the question: the refusal is for the asker
    alone, and a follow-up would fill the "thinking…" that all can see. One that only the asker sees is filled."""
    try:
        yield
    except BotError:
        first = FirstAnswer.of(interaction)
        # What acknowledges it may be on its way at this moment.
        async with first.lock:
            if interaction.response.is_done() and not first.told and not _thinks_privately(interaction, first):
                await interaction.delete_original_response()
        raise


def _thinks_privately(interaction: discord.Interaction, first: FirstAnswer) -> bool:
    thinks = interaction.response.type is discord.InteractionResponseType.deferred_channel_message
    taking = first.taking
    return thinks and taking is not None and taking.private and not taking.told


async def told_when_slow(interaction: discord.Interaction, work: Awaitable[T], *, private: bool) -> T:
    """Await what takes a question; meanwhile the interaction counts as one that waits for the database, which its
    first answer says when it takes longer than an interaction waits."""
    first = FirstAnswer.of(interaction)
    taking = first.waits(private=private)
    try:
        with first.working():
            return await work
    finally:
        taking.since = None


async def _told_when_slow(
    work: Coroutine[Any, Any, T], locale: str, tell: Callable[[discord.ui.LayoutView], Awaitable[None]]
) -> T:
    taking = asyncio.create_task(work, name="ask")
    await asyncio.wait({taking}, timeout=SLOW_AFTER)
    if not taking.done():
        log.warning("ask.slow")
        try:
            with translated():
                await tell(text_layout(say(locale, "asking.slow")))
        except DeliveryError as error:
            log.info("ask.slow_not_told", code=_code(error))
    return await taking


async def _tell_doubts(doubts: Sequence[Doubt], locale: str, send: Callable[[str], Awaitable[object]]) -> None:
    """Tell the asker which files were not plain UTF-8; the question is in the queue already."""
    sentences = []
    for doubt in doubts:
        if doubt.encoding:
            sentences.append(say(locale, "asking.decoded", name=doubt.name, encoding=doubt.encoding))
        if doubt.replaced:
            sentences.append(say(locale, "asking.replaced", count=doubt.replaced, name=doubt.name))
    if not sentences:
        return
    try:
        with translated():
            await send("\n".join(sentences))
    except DeliveryError as error:
        log.info("ask.doubts_not_told", code=_code(error))


async def _answer_with(message: discord.Message, sentence: str) -> None:
    reference = message.to_reference(fail_if_not_exists=False)
    await send_reply(message.channel, reference, view=text_layout(sentence))


async def answer(interaction: discord.Interaction, view: discord.ui.LayoutView, *, private: bool) -> int | None:
    """Answer an interaction with ``view``, acknowledged or not; the id of the message."""
    first = FirstAnswer.of(interaction)
    async with first.lock:
        is_first = not interaction.response.is_done()
        if not is_first and not first.told:
            return await fill_in(interaction, view)
        message_id = await respond(interaction, view, private=private) if is_first else None
    if not is_first:
        return await reply(interaction, view, private=private)
    # None: the message exists, and Discord's answer that told its id was lost.
    return (await interaction.original_response()).id if message_id is None else message_id


@asynccontextmanager
async def _typing(channel: discord.abc.Messageable) -> AsyncIterator[None]:
    """Show the bot as typing while a message's files are read: nothing else of the question can be seen yet."""
    showing = asyncio.create_task(_show_typing(channel), name="typing")
    try:
        yield
    finally:
        showing.cancel()


async def _show_typing(channel: discord.abc.Messageable) -> None:
    try:
        with translated():
            async with channel.typing():
                await asyncio.Event().wait()
    except DeliveryError as error:
        log.info("typing.not_shown", error=type(error).__name__)


def _code(error: DeliveryError) -> int:
    """Discord's code; 0 when the call was not made, or not answered."""
    return error.__cause__.code if isinstance(error.__cause__, discord.HTTPException) else 0
