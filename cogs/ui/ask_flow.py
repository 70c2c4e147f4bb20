"""Taking a question from Discord to the queue: the same for every way to ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace

import discord
import structlog

from bot.discord_io.calls import NOBODY, translated
from bot.discord_io.client import Services
from bot.discord_io.command_tree import text_layout
from bot.domain.queue.request import Destination
from bot.errors import BotError, DeliveryError, UserError
from bot.i18n.catalogue import say
from bot.presentation.page import quote_question
from bot.services.requests.ask import Accepted, AskRequest
from cogs.ui.base import fill_in, reply
from cogs.ui.convert import (
    ask_context_of,
    asker_of,
    author_of,
    destination_of,
    person_of,
    place_of,
    place_of_interaction,
)

log = structlog.get_logger(__name__)

# Of the first response to an interaction: it came after the three seconds (docs, topics/opcodes-and-status-codes,
# "JSON Error Codes").
UNKNOWN_INTERACTION = 10062

THREAD_TITLE = 80


class Asking:
    """Takes questions from interactions and from messages."""

    def __init__(self, services: Services, application_id: int) -> None:
        self._services = services
        self._application_id = application_id

    async def by_interaction(
        self,
        interaction: discord.Interaction,
        prompt: str,
        *,
        files: Sequence[discord.Attachment] = (),
        attached_text: str = "",
        private: bool | None = None,
        think: bool | None = None,
        thread: bool | None = None,
        follows: str | None = None,
    ) -> None:
        """Submit a question and acknowledge it with the message that becomes the answer.

        ``private``, ``think`` and ``thread`` None leave that to the profile; the rest as in :class:`AskRequest`.
        Raises what submitting and reading attachments do.
        """
        place = place_of_interaction(interaction)
        context = await ask_context_of(self._services, person_of(interaction), place)
        is_private = context.profile.private if private is None else private
        request = AskRequest(
            prompt=prompt,
            asker=asker_of(interaction),
            context=context,
            destination=destination_of(interaction, private=is_private),
            heard_as=interaction.id,
            attached_text=attached_text,
            think=think,
            follows=None if is_private else follows,
        )
        if files:
            self._services.attachments.check_all(files)
            # A download may take longer than the 3 s an interaction waits.
            await interaction.response.defer(thinking=True, ephemeral=is_private)
        try:
            request = await self._with_files(request, files)
            threaded = (context.profile.threads if thread is None else thread) and not is_private
            if threaded and isinstance(interaction.channel, discord.TextChannel) and _may_thread(interaction):
                await self._in_thread(interaction, interaction.channel, request)
            else:
                await self._here(interaction, request)
        except BotError:
            if interaction.response.is_done():
                # The refusal is for the asker alone: a follow-up would fill the "thinking…" that all can see.
                await interaction.delete_original_response()
            raise

    async def by_message(
        self,
        message: discord.Message,
        prompt: str,
        *,
        files: Sequence[discord.Attachment] = (),
        attached_text: str = "",
        follows: str | None = None,
    ) -> None:
        """Submit the question in a message and reply to it with the message that becomes the answer. Parameters
        and errors as :meth:`by_interaction`."""
        person, asker = author_of(message)
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
        )
        async with _typing(target) if files else nullcontext():
            request = await self._with_files(request, files)
        if context.profile.threads and isinstance(message.channel, discord.TextChannel) and prompt.strip():
            thread = await _thread_on(message, prompt)
            if thread is not None:
                target, reply_to = thread, None
                request = self._moved(request, thread, message.guild)
        accepted = await self._services.ask.submit(request)
        if accepted is not None:
            await self._services.ask.acknowledged(accepted, await self._sent(target, accepted, reply_to))

    async def _here(self, interaction: discord.Interaction, request: AskRequest) -> None:
        accepted = await self._services.ask.submit(request)
        if accepted is None:
            return
        view = self._services.layout(accepted.page, accepted.request_id, accepted.locale)
        try:
            with translated():
                message_id = await _answered(interaction, view, private=request.destination.private)
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
        if not request.prompt.strip():
            raise UserError("empty prompt", key="error.empty_prompt")
        await self._services.ask.admit(request.context)
        asker = request.asker
        note = say(asker.locale, "asking.thread", asker=f"<@{asker.user_id}>")
        opening = text_layout(quote_question(request.prompt), f"-# {note}")
        message_id = await _answered(interaction, opening, private=False) or 0
        thread = await _thread_on(channel.get_partial_message(message_id), request.prompt)
        if thread is None:
            await self._here(interaction, request)
            return
        accepted = await self._services.ask.submit(self._moved(request, thread, interaction.guild))
        if accepted is not None:
            await self._services.ask.acknowledged(accepted, await self._sent(thread, accepted, None))

    def _moved(self, request: AskRequest, thread: discord.Thread, guild: discord.Guild | None) -> AskRequest:
        """The request for a thread that was opened for it, where no branch goes on."""
        return replace(
            request,
            context=replace(request.context, place=place_of(thread, thread.id, guild)),
            destination=self._destination(thread.id, guild),
            follows=None,
        )

    async def _with_files(self, request: AskRequest, files: Sequence[discord.Attachment]) -> AskRequest:
        """The request with the text of these files. Raises :class:`AttachmentRejected`, :class:`WaitListFull`."""
        if not files:
            return request
        read = await self._services.attachments.read_all(files, user_id=request.asker.user_id)
        return replace(request, attached_text="\n\n".join(filter(None, (request.attached_text, read))))

    def _destination(self, channel_id: int, guild: discord.Guild | None) -> Destination:
        return Destination(
            application_id=self._application_id,
            channel_id=channel_id,
            guild_id=guild.id if guild is not None else None,
            private=False,
            channel_route=True,
        )

    async def _sent(
        self, target: discord.abc.Messageable, accepted: Accepted, reply_to: discord.MessageReference | None
    ) -> int | None:
        view = self._services.layout(accepted.page, accepted.request_id, accepted.locale)
        try:
            with translated():
                sent = await target.send(
                    view=view,
                    reference=reply_to,  # type: ignore[arg-type]  # None is what the library defaults to
                    mention_author=False,
                    allowed_mentions=NOBODY,
                    nonce=f"{accepted.request_id}-0",
                )
        except DeliveryError as error:
            log.warning("ask.not_acknowledged", request_id=accepted.request_id, code=_code(error))
            return None
        return sent.id


async def _answered(interaction: discord.Interaction, view: discord.ui.LayoutView, *, private: bool) -> int | None:
    """Answer an interaction with ``view``, acknowledged or not; the id of the message."""
    if interaction.response.is_done():
        return await fill_in(interaction, view)
    return await reply(interaction, view, private=private)


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


def _may_thread(interaction: discord.Interaction) -> bool:
    permissions = interaction.app_permissions
    return (
        interaction.is_guild_integration()
        and permissions.create_public_threads
        and permissions.send_messages_in_threads
    )


async def _thread_on(message: discord.Message | discord.PartialMessage, prompt: str) -> discord.Thread | None:
    title = " ".join(prompt.split())[:THREAD_TITLE] or "…"
    try:
        with translated():
            return await message.create_thread(name=title)
    except DeliveryError as error:
        # No permission, or there is a thread already: the answer comes where the question was asked.
        log.info("thread.not_opened", message=message.id, code=_code(error))
        return None
