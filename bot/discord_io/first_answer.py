"""The first answer to an interaction: Discord takes it for three seconds, and only once.

The three seconds count from the moment at which Discord created the interaction. A busy event loop starts handlers
late, so their own start says nothing about how much of the time is left.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import discord
import structlog

from bot.clock import Clock, SystemClock, woken
from bot.discord_io.calls import NOBODY, translated
from bot.discord_io.interaction_calls import sent_late
from bot.errors import DeliveryError
from bot.i18n.catalogue import say
from bot.tasks.background import Background
from bot.tasks.fair_starts import Start

log = structlog.get_logger(__name__)

ANSWERED_WITHIN = 1.5
"""Seconds since Discord created an interaction. Who has no answer by then gets one that says that it takes longer:
the way to Discord is part of the three seconds, and so is the work for everybody else who asks in that moment."""

SAID_AFTER = 1.0
"""Seconds: a question that has waited so long for the database is told the reason. One that waits for less is only
shown as being worked on."""

TOLD_AFTER = 2.0
"""Seconds until somebody whose press is acknowledged, and who sees nothing of it, reads that it takes longer."""

HURRIED_AFTER = 0.3
"""Seconds after which a command that was late before it could begin has begun."""

LATE_IN_A_TURN = 64
"""Late answers that are begun in one turn of the event loop."""
LATE_FIRST = 0.25
"""Seconds for which late answers that have not arrived keep other work from beginning. In a burst they cost less
than that work; when it is Discord that does not answer, nothing is won by waiting for longer."""

TAKEN_WITHIN = 3.0
"""Seconds after which Discord takes no first answer to an interaction (docs,
interactions/receiving-and-responding); a later one would be refused, which counts towards a ban."""

GIVEN_UP_AFTER = TAKEN_WITHIN + 1.0
"""Seconds after which no first answer is tried any more, by an age that may be wrong by a moment."""

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
    question, whose first answer becomes the message with the answer. ``start``: of a command, which waits for its
    turn; None for everything else. ``is_hurried``: it was late before it was known what it is about.
    ``expires_at``: when Discord takes no first answer any more (monotonic seconds). ``overdue``: where it counts
    as long as its late answer has not arrived.
    """

    def __init__(self, clock: Clock) -> None:
        self.lock = asyncio.Lock()
        self.told = False
        self.is_new: bool | None = None
        self.taking: Taking | None = None
        self.start: Start | None = None
        self.is_hurried = False
        self.expires_at = float("inf")
        self.overdue: Overdue | None = None
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

    def working(self) -> AbstractContextManager[None]:
        """Count the handler as working inside the block, if it has waited for its turn."""
        return nullcontext() if self.start is None else self.start.working()

    def says_so(self, taking: Taking) -> bool:
        """Whether the asker should read that the question waits for the database."""
        return taking.since is not None and self._clock.monotonic() - taking.since >= SAID_AFTER


class Overdue:
    """The interactions whose late answers have not arrived."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: set[FirstAnswer] = set()
        self._until = 0.0

    def begin(self, first: FirstAnswer, handler: asyncio.Task[Any]) -> None:
        """Count this one, whose answer is to be sent now, until :meth:`end` or the end of its handler."""
        if first.overdue is None:
            first.overdue = self
            handler.add_done_callback(partial(self.end, first))
        self._open.add(first)
        self._until = self._clock.monotonic() + LATE_FIRST

    def end(self, first: FirstAnswer, _handler: asyncio.Task[Any] | None = None) -> None:
        """Count it no longer."""
        self._open.discard(first)

    def goes_first(self) -> bool:
        """Whether other work should not begin now."""
        return bool(self._open) and self._clock.monotonic() < self._until


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
        self.overdue = Overdue(clock)
        self._due: list[tuple[float, int, discord.Interaction[Any], asyncio.Task[Any]]] = []
        self._numbers = itertools.count()
        self._wake = asyncio.Event()
        self._background = Background()
        self._looking = False

    def expect(self, interaction: discord.Interaction[Any], handler: asyncio.Task[Any]) -> None:
        """Answer the interaction in time if ``handler``, which ends by itself, goes on without an answer."""
        created = self._clock.monotonic() - self._ages.of(interaction.created_at.timestamp())
        FirstAnswer.of(interaction, self._clock).expires_at = created + GIVEN_UP_AFTER
        self._look_at(created + ANSWERED_WITHIN, interaction, handler)

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
        begun = 0
        try:
            while self._due:
                left = self._due[0][0] - self._clock.monotonic()
                if left > 0:
                    begun = 0
                    await woken(self._wake, self._clock, left)
                    continue
                _, _, interaction, handler = heapq.heappop(self._due)
                if not handler.done() and self._lacks_answer(interaction):
                    begun += 1
                    self._begin(interaction, handler)
                if begun == LATE_IN_A_TURN:
                    begun = 0
                    await self._clock.sleep(0.0)
        finally:
            self._looking = False

    def _begin(self, interaction: discord.Interaction[Any], handler: asyncio.Task[Any]) -> None:
        first = FirstAnswer.of(interaction)
        if not interaction.response.is_done():
            self.overdue.begin(first, handler)
        if first.start is not None and first.taking is None and not first.is_hurried:
            # What it is about, and who may read its answer, is known when it has begun. A question then answers by
            # itself; of anything else the first answer may have to be its own, such as a dialogue.
            first.is_hurried = True
            first.start.hurry()
            self._look_at(self._clock.monotonic() + HURRIED_AFTER, interaction, handler)
        else:
            self._background.spawn(self._answer(interaction, handler), name="late-answer")

    def _lacks_answer(self, interaction: discord.Interaction[Any]) -> bool:
        """Whether nothing was answered while that is possible, or only that a question is being worked on."""
        first = FirstAnswer.of(interaction)
        if not interaction.response.is_done():
            return self._clock.monotonic() < first.expires_at
        return first.taking is not None and not first.taking.told

    async def _answer(self, interaction: discord.Interaction[Any], handler: asyncio.Task[Any]) -> None:
        await answer_late(interaction)
        taking = FirstAnswer.of(interaction).taking
        if taking is not None and not taking.told:
            self._look_at(self._clock.monotonic() + SAID_AFTER, interaction, handler)


async def answer_late(interaction: discord.Interaction[Any]) -> None:
    """Answer an interaction whose handler goes on without an answer: else Discord would say that the bot did not
    respond. Never raises."""
    first = FirstAnswer.of(interaction)
    try:
        with sent_late(), translated():
            if (taking := first.taking) is not None:
                async with first.lock:
                    await _keep_open(interaction, first, taking)
            elif not interaction.response.is_done():
                await tell_slow(interaction)
    except DeliveryError as error:
        log.info("ask.slow_not_told", user=interaction.user.id, error=type(error).__name__)
    finally:
        if first.overdue is not None:
            first.overdue.end(first)


async def wait_for_turn(interaction: discord.Interaction[Any]) -> None:
    """Wait until the work for a question may begin, of which is known now who may read its answer. A question that
    is late already is shown as being worked on meanwhile."""
    start = FirstAnswer.of(interaction).start
    if start is not None and not start.turn.done():
        await answer_late(interaction)
        await start.turn


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
