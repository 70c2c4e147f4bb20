"""The first answer to an interaction: Discord takes it for three seconds, and only once.

The three seconds count from the moment at which Discord created the interaction. A busy event loop starts handlers
late, so their own start says nothing about how much of the time is left.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from dataclasses import dataclass
from typing import Any

import discord
import structlog

from bot.clock import Clock, SystemClock, woken
from bot.discord_io.calls import NOBODY, translated
from bot.errors import DeliveryError
from bot.i18n.catalogue import say
from bot.tasks.background import Background

log = structlog.get_logger(__name__)

ANSWERED_WITHIN = 1.5
"""Seconds since Discord created an interaction. Who has no answer by then gets one that says that it takes longer:
the way to Discord is part of the three seconds, and so is the work for everybody else who asks in that moment."""

SAID_AFTER = 1.0
"""Seconds: a question that has waited so long for the database is told the reason. One that waits for less is only
shown as being worked on."""

TOLD_AFTER = 2.0
"""Seconds until somebody whose press is acknowledged, and who sees nothing of it, reads that it takes longer."""

HURRIED_AFTER = 0.1
"""Seconds after which a handler that was late before it could begin has begun."""

TAKEN_WITHIN = 3.0
"""Seconds after which Discord takes no first answer to an interaction (docs,
interactions/receiving-and-responding); a later one would be refused, which counts towards a ban."""

_STATE = "first answer"


@dataclass(slots=True)
class Taking:
    """A question on its way into the queue. ``private``: its answer is. ``since``: when it began to wait for the
    database (monotonic seconds), None while it does not. ``told``: its asker has read that it waits."""

    private: bool
    since: float | None = None
    told: bool = False


class FirstAnswer:
    """What is known of an interaction's first answer, besides what the library knows.

    ``lock`` is held while a first answer is sent. ``told``: the sentence that it takes longer was sent; a press
    was acknowledged without a change of its message. ``is_new``: what fills in the answer afterwards is a new
    message, private or not; None when it changes the one that is there. ``taking``: the interaction asks a
    question, whose first answer becomes the message with the answer. ``begins``: done as soon as the handler may
    begin; None when it need not wait for that.
    """

    def __init__(self, clock: Clock) -> None:
        self.lock = asyncio.Lock()
        self.told = False
        self.is_new: bool | None = None
        self.taking: Taking | None = None
        self.begins: asyncio.Future[None] | None = None
        self._clock = clock

    @classmethod
    def of(cls, interaction: discord.Interaction[Any], clock: Clock | None = None) -> FirstAnswer:
        """The one of this interaction; ``clock`` is that of a new one."""
        known: FirstAnswer | None = interaction.extras.get(_STATE)
        if known is None:
            known = interaction.extras[_STATE] = cls(clock or SystemClock())
        return known

    def asks(self, *, private: bool) -> Taking:
        """Note that the interaction asks a question, whose answer is private or not."""
        if self.taking is None or self.taking.private is not private:
            self.taking = Taking(private)
        return self.taking

    def waits(self, *, private: bool) -> Taking:
        """Note that the question waits for the database from now on, until ``since`` is None again."""
        taking = self.asks(private=private)
        taking.since = self._clock.monotonic()
        return taking

    def says_so(self, taking: Taking) -> bool:
        """Whether the asker should read that the question waits for the database."""
        return taking.since is not None and self._clock.monotonic() - taking.since >= SAID_AFTER


class Ages:
    """How long ago Discord created an interaction.

    Discord's clock made the interaction's id; this machine's may differ from it. What no interaction on its way is
    faster than is taken for the difference: the smallest time between creation and receipt of the last minutes.
    Until a minute's interactions have shown otherwise, the clocks agree, or this one is behind.
    """

    BEFORE_REPLACED = 50
    """Interactions, and not less than a minute: in one burst all may be late."""
    REPLACED_AFTER = 60.0

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._before = 0.0
        self._least = float("inf")
        self._seen = 0
        self._since = clock.monotonic()

    def of(self, created: float) -> float:
        """Seconds since ``created`` (epoch seconds by Discord's clock), ≥ 0, of an interaction that is heard of
        now."""
        apart = self._clock.now() - created
        now = self._clock.monotonic()
        if self._seen >= self.BEFORE_REPLACED and now - self._since >= self.REPLACED_AFTER:
            self._before, self._least, self._seen, self._since = self._least, float("inf"), 0, now
        self._least = min(self._least, apart)
        self._seen += 1
        age = apart - min(self._before, self._least)
        # Discord would not take an answer to one that old: it is this machine's clock that is wrong.
        return age if age < TAKEN_WITHIN else 0.0


class LateAnswers:
    """Answers in time every interaction whose handler has not.

    One task looks after all of them. Nothing it does raises: when a person cannot be told, that is only logged.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ages = Ages(clock)
        self._due: list[tuple[float, int, discord.Interaction[Any], asyncio.Task[Any]]] = []
        self._numbers = itertools.count()
        self._wake = asyncio.Event()
        self._background = Background()
        self._looking = False

    def expect(self, interaction: discord.Interaction[Any], handler: asyncio.Task[Any]) -> None:
        """Answer the interaction in time if ``handler``, which ends by itself, goes on without an answer."""
        FirstAnswer.of(interaction, self._clock)
        age = self._ages.of(interaction.created_at.timestamp())
        self._look_at(self._clock.monotonic() + ANSWERED_WITHIN - age, interaction, handler)

    async def aclose(self) -> None:
        """Look after nobody any more."""
        await self._background.aclose()

    def _look_at(self, at: float, interaction: discord.Interaction[Any], handler: asyncio.Task[Any]) -> None:
        entry = (at, next(self._numbers), interaction, handler)
        heapq.heappush(self._due, entry)
        if not self._looking:
            self._looking = True
            self._background.spawn(self._look(), name="late-answers")
        elif self._due[0] is entry:
            self._wake.set()

    async def _look(self) -> None:
        try:
            while self._due:
                left = self._due[0][0] - self._clock.monotonic()
                if left > 0:
                    await woken(self._wake, self._clock, left)
                    continue
                _, _, interaction, handler = heapq.heappop(self._due)
                if _lacks_answer(interaction) and not handler.done():
                    self._background.spawn(self._answer(interaction, handler), name="late-answer")
        finally:
            self._looking = False

    async def _answer(self, interaction: discord.Interaction[Any], handler: asyncio.Task[Any]) -> None:
        first = FirstAnswer.of(interaction)
        if first.begins is not None and not first.begins.done():
            # What it is about, and who may read its answer, is known when it has begun.
            first.begins.set_result(None)
            self._look_at(self._clock.monotonic() + HURRIED_AFTER, interaction, handler)
            return
        await answer_late(interaction)
        taking = first.taking
        if taking is not None and not taking.told:
            self._look_at(self._clock.monotonic() + SAID_AFTER, interaction, handler)


def _lacks_answer(interaction: discord.Interaction[Any]) -> bool:
    """Whether nothing was answered, or only that a question is being worked on."""
    taking = FirstAnswer.of(interaction).taking
    return not interaction.response.is_done() or (taking is not None and not taking.told)


async def answer_late(interaction: discord.Interaction[Any]) -> None:
    """Answer an interaction whose handler goes on without an answer: else Discord would say that the bot did not
    respond. Never raises."""
    first = FirstAnswer.of(interaction)
    if (taking := first.taking) is None:
        if not interaction.response.is_done():
            await tell_slow(interaction)
        return
    try:
        with translated():
            async with first.lock:
                await _keep_open(interaction, first, taking)
    except DeliveryError as error:
        log.info("ask.slow_not_told", user=interaction.user.id, error=type(error).__name__)


async def _keep_open(interaction: discord.Interaction[Any], first: FirstAnswer, taking: Taking) -> None:
    """Show that the question is being worked on, or why it is not in the queue yet. Neither says it is taken."""
    says_so = not taking.told and first.says_so(taking)
    view = _sentence(interaction, "asking.slow") if says_so else None
    if says_so:
        log.warning("ask.slow", user=interaction.user.id)
    if not interaction.response.is_done():
        if view is None:
            await interaction.response.defer(thinking=True, ephemeral=taking.private)
        else:
            await interaction.response.send_message(view=view, ephemeral=taking.private, allowed_mentions=NOBODY)
    elif view is not None:
        await interaction.edit_original_response(view=view, allowed_mentions=NOBODY)
    taking.told = taking.told or says_so


async def tell_slow(interaction: discord.Interaction[Any]) -> None:
    """Say once that what was asked for takes longer, to a person who sees no answer yet. Never raises: when they
    cannot be told, that is only logged."""
    first = FirstAnswer.of(interaction)
    try:
        with translated():
            async with first.lock:
                await _tell_slow(interaction, first)
    except DeliveryError as error:
        log.info("interaction.slow_not_told", user=interaction.user.id, error=type(error).__name__)


async def _tell_slow(interaction: discord.Interaction[Any], first: FirstAnswer) -> None:
    response = interaction.response
    waits = response.type is discord.InteractionResponseType.deferred_message_update
    if first.told or (response.is_done() and not waits):
        return
    log.warning("interaction.slow", user=interaction.user.id)
    view = _sentence(interaction, "error.slow")
    if not response.is_done():
        if interaction.message is None:
            await response.send_message(view=view, ephemeral=True, allowed_mentions=NOBODY)
            first.told = True
            return
        # The answer may still change the pressed message.
        await response.defer()
    first.told = True
    await interaction.followup.send(view=view, ephemeral=True, allowed_mentions=NOBODY)


def _sentence(interaction: discord.Interaction[Any], key: str) -> discord.ui.LayoutView:
    view = discord.ui.LayoutView(timeout=None)
    view.add_item(discord.ui.TextDisplay(say(interaction.locale.value, key)))
    view.stop()
    return view
