"""The way from somebody's words to the queue, the same for every way to ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, replace

import discord
import structlog

from bot.discord_io.calls import NOBODY, translated
from bot.discord_io.client import Services
from bot.discord_io.command_tree import text_layout
from bot.domain.queue.request import Asker, Destination
from bot.errors import BotError, DeliveryError, UserError
from bot.i18n.catalogue import say
from bot.presentation.page import quote_question
from bot.services.access.operators import Person
from bot.services.requests.ask import Accepted, AskContext, Question
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


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to know. None leaves it to the profile; ``follows`` is the root of a branch."""

    prompt: str
    attachments: Sequence[discord.Attachment] = ()
    attached_text: str = ""
    private: bool | None = None
    think: bool | None = None
    thread: bool | None = None
    follows: str | None = None


class Asking:
    """Takes questions from interactions and from messages."""

    def __init__(self, services: Services, application_id: int) -> None:
        self._services = services
        self._application_id = application_id

    async def by_interaction(self, interaction: discord.Interaction, wish: Wish) -> None:
        """Submit a question and acknowledge it with the message that becomes the answer. Raises what submitting
        and reading attachments do."""
        person = person_of(interaction)
        context = await ask_context_of(self._services, person, place_of_interaction(interaction))
        private = context.profile.private if wish.private is None else wish.private
        if wish.attachments:
            self._services.attachments.check_all(wish.attachments)
            # A download may take longer than the 3 s an interaction waits.
            await interaction.response.defer(thinking=True, ephemeral=private)
        try:
            attached_text = await self._material(wish, person)
            threaded = (context.profile.threads if wish.thread is None else wish.thread) and not private
            if threaded and isinstance(interaction.channel, discord.TextChannel) and _may_thread(interaction):
                await self._in_thread(interaction, interaction.channel, wish, context, attached_text)
            else:
                await self._here(interaction, wish, context, attached_text, private=private)
        except BotError:
            if interaction.response.is_done():
                # The refusal is for the asker alone: a follow-up would fill the "thinking…" that all can see.
                await interaction.delete_original_response()
            raise

    async def by_message(self, message: discord.Message, wish: Wish) -> None:
        """Submit the question in a message and reply to it with the message that becomes the answer."""
        services = self._services
        person, asker = author_of(message)
        channel = message.channel
        place = place_of(channel, channel.id, message.guild)
        context = await ask_context_of(services, person, place)
        await services.ask.admit(context)
        async with _typing(channel) if wish.attachments else nullcontext():
            attached_text = await self._material(wish, person)
        target: discord.abc.Messageable = channel
        channel_id = channel.id
        if context.profile.threads and isinstance(channel, discord.TextChannel) and wish.prompt.strip():
            thread = await _thread_on(message, wish.prompt)
            if thread is not None:
                target, channel_id = thread, thread.id
                context = replace(context, place=place_of(thread, thread.id, message.guild))
        accepted = await self._submit(
            wish,
            context,
            asker,
            self._destination(channel_id, message.guild),
            attached_text=attached_text,
            heard_as=message.id,
            source_message_id=message.id,
            follows=wish.follows if channel_id == channel.id else None,
        )
        if accepted is None:
            return
        reply_to = message.to_reference(fail_if_not_exists=False) if channel_id == channel.id else None
        await services.ask.acknowledged(accepted, await self._sent(target, accepted, reply_to))

    async def _here(
        self,
        interaction: discord.Interaction,
        wish: Wish,
        context: AskContext,
        attached_text: str,
        *,
        private: bool,
    ) -> None:
        accepted = await self._submit(
            wish,
            context,
            asker_of(interaction),
            destination_of(interaction, private=private),
            attached_text=attached_text,
            heard_as=interaction.id,
            follows=None if private else wish.follows,
        )
        if accepted is not None:
            await self._acknowledge(interaction, accepted, private=private)

    async def _in_thread(
        self,
        interaction: discord.Interaction,
        channel: discord.TextChannel,
        wish: Wish,
        context: AskContext,
        attached_text: str,
    ) -> None:
        """A message with the question in the channel, the answer in a thread on it."""
        if not wish.prompt.strip():
            raise UserError("empty prompt", key="error.empty_prompt")
        await self._services.ask.admit(context)
        asker = asker_of(interaction)
        note = say(asker.locale, "asking.thread", asker=f"<@{asker.user_id}>")
        opening = text_layout(quote_question(wish.prompt), f"-# {note}")
        message_id = await _answered(interaction, opening, private=False) or 0
        thread = await _thread_on(channel.get_partial_message(message_id), wish.prompt)
        if thread is None:
            await self._here(interaction, wish, context, attached_text, private=False)
            return
        accepted = await self._submit(
            wish,
            replace(context, place=place_of(thread, thread.id, interaction.guild)),
            asker,
            self._destination(thread.id, interaction.guild),
            attached_text=attached_text,
            heard_as=interaction.id,
        )
        if accepted is not None:
            await self._services.ask.acknowledged(accepted, await self._sent(thread, accepted, None))

    async def _submit(
        self,
        wish: Wish,
        context: AskContext,
        asker: Asker,
        destination: Destination,
        *,
        attached_text: str,
        heard_as: int,
        source_message_id: int | None = None,
        follows: str | None = None,
    ) -> Accepted | None:
        return await self._services.ask.submit(
            Question(
                asker=asker,
                destination=destination,
                prompt=wish.prompt,
                attached_text=attached_text,
                think=wish.think,
                weight=self._services.operators.weight_of(context.person),
                context=context,
                source_message_id=source_message_id,
                follows=follows,
                heard_as=heard_as,
            )
        )

    async def _material(self, wish: Wish, person: Person) -> str:
        files = wish.attachments
        read = await self._services.attachments.read_all(files, user_id=person.user_id) if files else ""
        return "\n\n".join(part for part in (wish.attached_text, read) if part)

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

    async def _acknowledge(self, interaction: discord.Interaction, accepted: Accepted, *, private: bool) -> None:
        view = self._services.layout(accepted.page, accepted.request_id, accepted.locale)
        try:
            with translated():
                message_id = await _answered(interaction, view, private=private)
        except DeliveryError as error:
            # The question is in the queue already: it is answered in the channel where that is possible.
            self._services.metrics.late_interactions.inc()
            log.warning("ask.not_acknowledged", request_id=accepted.request_id, code=_code(error))
            if _code(error) == UNKNOWN_INTERACTION:
                self._services.ask.refused(accepted)
                return
            message_id = None
        await self._services.ask.acknowledged(accepted, message_id)


async def _answered(interaction: discord.Interaction, view: discord.ui.LayoutView, *, private: bool) -> int | None:
    """The id of the message that shows ``view`` now."""
    if interaction.response.is_done():
        return await fill_in(interaction, view)
    return await reply(interaction, view, private=private)


@asynccontextmanager
async def _typing(channel: discord.abc.Messageable) -> AsyncIterator[None]:
    """Show that the message was heard, while its files wait to be read: there is nothing else to see of it yet."""
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
        # It may not, or there is one already: the answer comes where the question was asked.
        log.info("thread.not_opened", message=message.id, code=_code(error))
        return None
