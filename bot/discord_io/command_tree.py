"""The command tree: reports failures, limits rates, and registers commands that changed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

import aiohttp
import discord
import structlog
from discord import app_commands

from bot.clock import Clock
from bot.discord_io.brought_along import Guests, is_brought_along
from bot.discord_io.calls import NOBODY, got_lost, translated
from bot.discord_io.first_answer import FirstAnswer, LateAnswers
from bot.discord_io.in_hand import InHand
from bot.discord_io.interaction_calls import ALREADY_ACKNOWLEDGED
from bot.domain.discord_calls.sharing import Hearing
from bot.domain.interaction_rates import InteractionRates, Sent
from bot.errors import BotError, DeliveryError, SchedulerError, TooFast
from bot.i18n.catalogue import fill, say
from bot.services.access.rules import Act, Standing, refusal
from bot.tasks.fair_starts import FairStarts

log = structlog.get_logger(__name__)

# "Unknown interaction": it was not acknowledged within three seconds (docs, topics/opcodes-and-status-codes).
UNKNOWN_INTERACTION = 10062

# The most refusals sent to Discord at once: those of one person must not delay somebody else's answer.
REFUSALS_AT_ONCE = 8
BEGIN_AT_ONCE = 16
"""Commands that begin in one turn of the event loop."""
AT_WORK = 64
"""Questions that are being taken into the queue when no further command begins. So many share a commit."""
# Seconds. Discord takes an answer to an interaction for 3 s, so a refusal later than this is not sent.
REFUSED_WITHIN = 2.5
LEFT_TO_OTHERS = 0.4
"""Seconds that a process which hands its shards over leaves others to answer what it hears."""
_ADMITTED = "admitted"
_ENTERS = "enters"
_OURS = "ours"
_TOO_LATE = "too late"
_RESTARTING = "error.restarting"


async def report(interaction: discord.Interaction, error: BaseException) -> None:
    """Tell the person in one private sentence what happened, and log one event for the operator.

    Called by the tree, and by the base View, Modal and DynamicItem. Never raises: when the person cannot be told
    (the interaction has expired), that is only logged.
    """
    cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
    command = interaction.command.qualified_name if interaction.command else None
    if isinstance(cause, discord.HTTPException) and cause.code == ALREADY_ACKNOWLEDGED:
        log.info("interaction.answered_elsewhere", command=command, user=interaction.user.id)
        return
    if isinstance(cause, discord.NotFound) and cause.code == UNKNOWN_INTERACTION:
        # Discord waits three seconds: an outage or a standstill may take longer. A further call would only count
        # as one more invalid one.
        log.warning("interaction.expired", command=command, user=interaction.user.id)
        return
    incident = secrets.token_hex(2)
    if isinstance(cause, BotError):
        sentence = fill(interaction.locale.value, cause.key, cause.params)
        expected = not isinstance(cause, SchedulerError)
        emit = log.info if expected else log.warning
        emit(
            "interaction.refused",
            command=command,
            user=interaction.user.id,
            error=type(cause).__name__,
            detail=str(cause),
            incident=incident,
        )
        if not expected:
            sentence = f"{sentence} · {incident}"
    elif isinstance(cause, app_commands.CheckFailure):
        sentence = say(interaction.locale.value, "error.not_allowed")
        log.info("interaction.refused", command=command, user=interaction.user.id, error="CheckFailure")
    elif got_lost(cause):
        sentence = f"{say(interaction.locale.value, 'error.connection_lost')} · {incident}"
        detail = f"{type(cause).__name__}: {cause}"
        log.warning(
            "interaction.call_lost", command=command, user=interaction.user.id, detail=detail, incident=incident
        )
    else:
        sentence = f"{say(interaction.locale.value, 'error.unexpected')} · {incident}"
        log.error(
            "interaction.failed", command=command, user=interaction.user.id, incident=incident, exc_info=cause
        )
    try:
        await _told(interaction, sentence)
    except DeliveryError as failure:
        log.warning("interaction.not_told", command=command, detail=str(failure), incident=incident)


async def _told(interaction: discord.Interaction, sentence: str) -> None:
    """Tell the sentence, once more when the connection breaks: to read it twice is better than not at all."""
    try:
        with translated():
            await tell(interaction, sentence)
    except DeliveryError as failure:
        if not isinstance(failure.__cause__, aiohttp.ClientError):
            raise
        with translated():
            await tell(interaction, sentence)


async def tell(interaction: discord.Interaction, sentence: str) -> None:
    """Answer an interaction privately with one sentence, whether or not it was acknowledged before."""
    view = text_layout(sentence[:3900])
    async with FirstAnswer.of(interaction).lock:
        if not interaction.response.is_done():
            await interaction.response.send_message(view=view, ephemeral=True, allowed_mentions=NOBODY)
            return
    await interaction.followup.send(view=view, ephemeral=True, allowed_mentions=NOBODY)


def text_layout(*paragraphs: str) -> discord.ui.LayoutView:
    """A layout of text, to which pictures and files may be added. The library keeps nothing of it for presses."""
    view = discord.ui.LayoutView(timeout=None)
    for paragraph in filter(None, paragraphs):
        view.add_item(discord.ui.TextDisplay(paragraph))
    view.stop()
    return view


class Guard:
    """Admits interactions in the allowed servers, within each person's rate; tells the person of a refusal."""

    def __init__(
        self,
        rates: InteractionRates,
        clock: Clock,
        *,
        allowed_guild_ids: Collection[int] = frozenset(),
        hearing: Hearing | None = None,
        guests: Guests | None = None,
    ) -> None:
        """``allowed_guild_ids`` are the only servers in which the bot answers; empty: all. ``hearing`` tells what
        another process answers; None: there is none. ``guests`` tells who may use the bot where they brought it
        along; None: nobody is offered that."""
        self._hearing = hearing
        self._guests = guests
        self.rates = rates
        self._clock = clock
        self._allowed_guild_ids = frozenset(allowed_guild_ids)
        self._refusing = asyncio.Semaphore(REFUSALS_AT_ONCE)
        self._late_answers = LateAnswers(clock)
        self._starts = FairStarts(BEGIN_AT_ONCE, AT_WORK, held=self._late_answers.overdue.goes_first)
        self.in_hand = InHand()

    @property
    def allows_every_server(self) -> bool:
        """Whether the bot answers in every server that adds it."""
        return not self._allowed_guild_ids

    @property
    def offers_user_install(self) -> bool:
        """Whether people may install the bot to their own account and bring it along."""
        return self._guests is not None

    def refusal_in(self, guild_id: int | None) -> str | None:
        """The key of the sentence why nobody may use the bot in this server; None where people may (None is no
        server: a direct message)."""
        elsewhere = guild_id is not None and not self.allows_every_server
        return refusal(Act.ENTER, Standing(elsewhere=elsewhere and guild_id not in self._allowed_guild_ids))

    async def refusal_of(self, interaction: discord.Interaction[Any]) -> str | None:
        """The key of the sentence why this person may not use the bot where they are; None when they may. Never
        raises."""
        if self._guests is not None and is_brought_along(interaction):
            return await self._guests.refusal(interaction)
        return self.refusal_in(interaction.guild_id)

    async def admits(self, interaction: discord.Interaction[Any], sent: Sent) -> bool:
        """Whether to process an interaction; one that is refused has been answered when this returns False.

        An interaction that is checked twice (a press that both a view and a dynamic item receive) counts once.
        Never raises.
        """
        self._begin(interaction)
        if not await self._is_ours(interaction):
            return False
        known = interaction.extras.get(_ADMITTED)
        if known is None:
            key = self._refusal_of(interaction, sent)
            known = interaction.extras[_ADMITTED] = key is None
            if key is not None:
                await self._refuse(interaction, sent, key)
        if known and sent is not Sent.COMPLETION:
            self.watch(interaction)
        if known and self._guests is not None and is_brought_along(interaction):
            known = await self._enters(interaction, sent)
        if known and sent is Sent.COMMAND:
            start = FirstAnswer.of(interaction).start = self._starts.enter(interaction.user.id)
            await start.begins
        return bool(known)

    async def _enters(self, interaction: discord.Interaction[Any], sent: Sent) -> bool:
        """Whether somebody may use the bot where they brought it along; one who may not has been told. Of an
        interaction that is checked twice the answer is the same, and told once."""
        asking = interaction.extras.get(_ENTERS)
        is_first = asking is None
        if asking is None:
            asking = interaction.extras[_ENTERS] = asyncio.ensure_future(self.refusal_of(interaction))
        key = await asyncio.shield(asking)
        if key is not None and is_first:
            await self._refuse(interaction, sent, key)
        return key is None

    async def takes_up(self, interaction: discord.Interaction[Any]) -> bool:
        """Whether to process an interaction that is neither counted nor limited; one that is not has been answered
        when this returns False. Never raises."""
        self._begin(interaction)
        if not await self._is_ours(interaction):
            return False
        too_late = bool(interaction.extras[_TOO_LATE])
        if too_late:
            await self._refuse(interaction, Sent.PRESS, _RESTARTING)
        return not too_late

    async def hears(self, number: int) -> bool:
        """Whether this process answers the interaction or message with this id, and not another one that hears it
        too. While this one is about to end, it answers only what nobody else does."""
        if self._hearing is None:
            return True
        if self.in_hand.is_left_to_others:
            await self._clock.sleep(LEFT_TO_OTHERS)
        return await self._hearing.is_ours(number)

    async def _is_ours(self, interaction: discord.Interaction[Any]) -> bool:
        """As :meth:`hears`; of an interaction that is checked twice the answer is the same."""
        if self._hearing is None:
            return True
        asking = interaction.extras.get(_OURS)
        if asking is None:
            asking = interaction.extras[_OURS] = asyncio.ensure_future(self.hears(interaction.id))
        is_ours = bool(await asyncio.shield(asking))
        if not is_ours:
            log.debug("interaction.answered_elsewhere", user=interaction.user.id)
        return is_ours

    async def aclose(self) -> None:
        """End the waits of :meth:`watch`."""
        await self._late_answers.aclose()

    def _begin(self, interaction: discord.Interaction[Any]) -> None:
        handler = asyncio.current_task()
        assert handler is not None  # noqa: S101  # everything runs in a task
        # What is in hand when the end begins is taken up, however long it is then left to others.
        interaction.extras[_TOO_LATE] = self.in_hand.is_ending
        self.in_hand.begin(handler, interaction)

    def _refusal_of(self, interaction: discord.Interaction[Any], sent: Sent) -> str | None:
        if interaction.extras[_TOO_LATE]:
            return _RESTARTING
        if not self.rates.take(interaction.user.id, sent):
            return TooFast.key
        if self._guests is not None and is_brought_along(interaction):
            return None  # Discord may have to be asked first.
        return self.refusal_in(interaction.guild_id)

    def watch(self, interaction: discord.Interaction[Any]) -> None:
        """Answer the person in time when the present task, which handles the interaction, takes long."""
        handler = asyncio.current_task()
        assert handler is not None  # noqa: S101  # everything runs in a task
        self._late_answers.expect(interaction, handler)

    async def _refuse(self, interaction: discord.Interaction[Any], sent: Sent, key: str) -> None:
        began, user_id = self._clock.monotonic(), interaction.user.id
        if self.in_hand.is_closed:
            log.info("interaction.dropped_at_shutdown", kind=interaction.type.name, user=user_id, told=False)
            return
        too_fast = key == TooFast.key
        telling = sent is not Sent.COMPLETION and (self.rates.should_tell(user_id) or not too_fast)
        if telling:
            log.info("interaction.not_admitted", user=user_id, sent=sent.value, reason=key)
        async with self._refusing:
            if self._clock.monotonic() - began > REFUSED_WITHIN:
                return
            try:
                with translated():
                    if sent is Sent.COMPLETION:
                        await interaction.response.autocomplete([])
                    elif sent is Sent.PRESS and not telling:
                        # The person was told a moment ago; this only completes the press.
                        await interaction.response.defer()
                    else:
                        await tell(interaction, say(interaction.locale.value, key))
            except DeliveryError as failure:
                log.info("interaction.not_told", user=user_id, error=type(failure).__name__)


class ParallaxTree(app_commands.CommandTree[discord.Client]):
    """Reports every error and registers only commands that changed."""

    def __init__(self, client: discord.Client, *, guard: Guard) -> None:
        """``guard`` decides which calls are processed."""
        super().__init__(client)
        self._guard = guard

    async def interaction_check(self, interaction: discord.Interaction[discord.Client], /) -> bool:
        """Ask the guard. The library calls this first for commands and completions."""
        completes = interaction.type is discord.InteractionType.autocomplete
        return await self._guard.admits(interaction, Sent.COMPLETION if completes else Sent.COMMAND)

    async def on_error(
        self, interaction: discord.Interaction[discord.Client], error: app_commands.AppCommandError, /
    ) -> None:
        """Report a command's failure. The library calls it after a command's own handler as well."""
        await report(interaction, error)

    async def sync_changed(
        self,
        guilds: Sequence[discord.abc.Snowflake | None],
        known: Callable[[str], Awaitable[str | None]],
        remember: Callable[[str, str], Awaitable[None]],
    ) -> int:
        """Register commands globally (None) and in ``guilds`` where the payload, translations included, differs
        from the last one. The tree must have its translator.

        Discord allows 200 creates a day and guild (docs, interactions/application-commands, "Registering a
        Command"), so a start without changes only reads once what is registered. ``known`` and ``remember`` read
        and store a digest for each scope. Returns how many scopes were written.
        """
        translator = self.translator
        assert translator is not None  # noqa: S101  # set before, by the client
        written = 0
        for guild in guilds:
            scope = f"commands:{self.client.application_id}:{guild.id if guild else 'global'}"
            payload = [
                await command.get_translated_payload(self, translator)
                for command in self.get_commands(guild=guild)
            ]
            digest = hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
            if await known(scope) == digest and await self._registered(guild) == len(payload):
                continue
            await self.sync(guild=guild)
            await remember(scope, digest)
            written += 1
            log.info("commands.synced", scope=scope, commands=len(payload))
        return written

    async def _registered(self, guild: discord.abc.Snowflake | None) -> int:
        try:
            return len(await self.fetch_commands(guild=guild))
        except discord.HTTPException as error:
            log.warning("commands.not_listed", code=error.code)
            return -1
