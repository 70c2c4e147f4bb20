"""What was sent just before the process ends: finished, or dropped with a sentence and one event in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import discord
import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from bot.discord_io.command_tree import Guard
from bot.discord_io.first_answer import FirstAnswer
from bot.discord_io.in_hand import InHand
from bot.discord_io.shutdown import finish
from bot.domain.interaction_rates import InteractionRates, RateLimit, Sent
from bot.i18n.catalogue import say
from tests.fakes.clocks import LoopClock

Kind = discord.InteractionType
Response = discord.InteractionResponseType


class Sending:
    """An interaction that records what its person is told. ``answered`` is the kind of the first answer it has."""

    def __init__(
        self,
        kind: discord.InteractionType = Kind.component,
        *,
        answered: discord.InteractionResponseType | None = None,
        failure: Exception | None = None,
    ) -> None:
        self.told: list[str] = []
        self.completed = 0
        self.type = kind
        self.extras: dict[str, object] = {}
        self.created_at = datetime.now(UTC)
        self.user = SimpleNamespace(id=7)
        self.guild_id = None
        self.locale = discord.Locale.german
        self.response = SimpleNamespace(
            type=answered,
            is_done=lambda: answered is not None,
            send_message=self._tell,
            autocomplete=self._complete,
        )
        self.followup = SimpleNamespace(send=self._tell)
        self._failure = failure

    async def _tell(self, *, view: discord.ui.LayoutView, ephemeral: bool, **_: object) -> None:
        assert ephemeral
        if self._failure is not None:
            raise self._failure
        self.told += [item.content for item in view.walk_children() if isinstance(item, discord.ui.TextDisplay)]

    async def _complete(self, choices: list[object]) -> None:
        assert choices == []
        self.completed += 1


def taken_up(in_hand: InHand, sending: Sending | None, work: Awaitable[object]) -> asyncio.Task[None]:
    """Begin to handle an interaction, or an event (None)."""

    async def handle() -> None:
        await work

    handler = asyncio.create_task(handle(), name="discord.py: on_message")
    in_hand.begin(handler, cast("discord.Interaction[Any] | None", sending))
    return handler


async def ended(in_hand: InHand, timeout: float) -> list[EventDict]:
    """The log of the end."""
    with capture_logs() as entries:
        await finish(in_hand, timeout)
    return entries


async def for_ever() -> None:
    """Work that does not end by itself."""
    await asyncio.Event().wait()


async def test_what_ends_in_time_is_finished() -> None:
    """Nobody is told anything, nothing is logged."""
    in_hand, sending = InHand(), Sending()
    handler = taken_up(in_hand, sending, asyncio.sleep(3.0))
    assert await ended(in_hand, 5.0) == []
    assert handler.done()
    assert not handler.cancelled()
    assert sending.told == []
    assert len(in_hand) == 0


@pytest.mark.parametrize(
    ("answered", "waited"),
    [(None, 1.0), (Response.deferred_channel_message, 5.0), (Response.deferred_message_update, 5.0)],
    ids=["no answer", "thinking", "acknowledged"],
)
async def test_who_sees_no_result_reads_that_it_may_not_have_been_done(
    answered: discord.InteractionResponseType | None, waited: float
) -> None:
    """In their language; the log has one event, at info and without a traceback."""
    in_hand, sending = InHand(), Sending(answered=answered)
    handler = taken_up(in_hand, sending, for_ever())
    entries = await ended(in_hand, waited)
    assert handler.cancelled()
    assert sending.told == [say("de", "error.cut_off")]
    (entry,) = entries
    assert (entry["event"], entry["log_level"]) == ("interaction.dropped_at_shutdown", "info")
    assert (entry["kind"], entry["user"], entry["told"]) == ("component", 7, True)


async def test_who_was_told_to_wait_is_told_the_end_too() -> None:
    """The sentence that it takes longer is no result."""
    in_hand, sending = InHand(), Sending(answered=Response.channel_message)
    FirstAnswer.of(cast("discord.Interaction[Any]", sending)).told = True
    taken_up(in_hand, sending, for_ever())
    await ended(in_hand, 5.0)
    assert sending.told == [say("de", "error.cut_off")]


@pytest.mark.parametrize(
    ("kind", "answered", "waited"),
    [
        (Kind.component, Response.channel_message, 1.0),
        (Kind.autocomplete, None, 1.0),
        (Kind.application_command, None, 5.0),
    ],
    ids=["answered", "choices of an option", "too late for a first answer"],
)
async def test_who_cannot_read_a_sentence_or_needs_none_is_told_nothing(
    kind: discord.InteractionType, answered: discord.InteractionResponseType | None, waited: float
) -> None:
    """Discord would refuse it, or there is no place for it."""
    in_hand, sending = InHand(), Sending(kind, answered=answered)
    taken_up(in_hand, sending, for_ever())
    (entry,) = await ended(in_hand, waited)
    assert sending.told == []
    assert entry["told"] is False


async def test_who_cannot_be_told_does_not_keep_the_process() -> None:
    """Discord fails, or does not answer: the others are told all the same."""
    in_hand, lost, fine = InHand(), Sending(failure=aiohttp.ServerDisconnectedError()), Sending()
    for sending in (lost, fine):
        taken_up(in_hand, sending, for_ever())
    entries = await ended(in_hand, 1.0)
    dropped = [entry["told"] for entry in entries if entry["event"] == "interaction.dropped_at_shutdown"]
    assert sorted(dropped) == [False, True]
    assert fine.told == [say("de", "error.cut_off")]


async def test_an_event_is_dropped_too() -> None:
    """A message, for example, named as the library names its task."""
    in_hand = InHand()
    handler = taken_up(in_hand, None, for_ever())
    (entry,) = await ended(in_hand, 1.0)
    assert handler.cancelled()
    assert (entry["kind"], entry["user"]) == ("discord.py: on_message", None)


async def test_a_handler_that_waits_for_its_work_is_cancelled_with_it() -> None:
    """A press shields what it asked for from the first cancellation only."""

    async def stubborn() -> None:
        work = asyncio.create_task(for_ever())
        try:
            await asyncio.Event().wait()
        finally:
            await work

    in_hand = InHand()
    handler = taken_up(in_hand, Sending(), stubborn())
    await ended(in_hand, 1.0)
    assert handler.cancelled()


async def test_what_begins_meanwhile_is_not_waited_for() -> None:
    """In a large server there is always something."""
    in_hand = InHand()
    taken_up(in_hand, Sending(), asyncio.sleep(1.0))
    ending = asyncio.create_task(ended(in_hand, 5.0))
    await asyncio.sleep(0.5)
    later = taken_up(in_hand, Sending(), asyncio.sleep(10.0))
    began = LoopClock().monotonic()
    assert await ending == []
    assert LoopClock().monotonic() - began < 1.0
    assert not later.done()
    later.cancel()


def guard() -> Guard:
    """One whose rates nobody reaches."""
    return Guard(InteractionRates(RateLimit(1000, 1000.0), LoopClock()), LoopClock())


async def sent_to(asked: Guard, sending: Sending, sent: Sent) -> bool:
    """Whether it is processed."""
    return await asked.admits(cast("discord.Interaction[Any]", sending), sent)


@pytest.mark.parametrize("sent", [Sent.COMMAND, Sent.PRESS, Sent.WITHDRAWAL])
async def test_what_is_sent_after_the_end_began_is_told_that_the_bot_restarts(sent: Sent) -> None:
    """Nothing of it is done, however urgent."""
    asked, sending = guard(), Sending()
    assert await sent_to(asked, Sending(), sent)
    asked.in_hand.end()
    assert not await sent_to(asked, sending, sent)
    assert sending.told == [say("de", "error.restarting")]
    await asked.aclose()


async def test_a_dialogue_that_is_submitted_after_the_end_began_is_told_too() -> None:
    """It is not limited by a rate, so the guard has another question for it."""
    asked, sending = guard(), Sending(Kind.modal_submit)
    interaction = cast("discord.Interaction[Any]", sending)
    assert await asked.takes_up(interaction)
    asked.in_hand.end()
    assert not await asked.takes_up(interaction)
    assert sending.told == [say("de", "error.restarting")]


async def test_choices_are_none_after_the_end_began() -> None:
    """Discord shows an empty list instead of an error."""
    asked, sending = guard(), Sending(Kind.autocomplete)
    asked.in_hand.end()
    assert not await sent_to(asked, sending, Sent.COMPLETION)
    assert sending.completed == 1


async def test_nothing_is_sent_when_the_session_closes() -> None:
    """Only the log tells of it."""
    asked, sending = guard(), Sending(Kind.application_command)
    asked.in_hand.close()
    with capture_logs() as entries:
        assert not await sent_to(asked, sending, Sent.COMMAND)
    assert sending.told == []
    assert [(entry["event"], entry["log_level"]) for entry in entries] == [
        ("interaction.dropped_at_shutdown", "info")
    ]


async def test_whoever_is_handled_is_in_hand_until_then() -> None:
    """The guard is asked in the handler's own task."""
    asked = guard()

    async def handle() -> None:
        assert await sent_to(asked, Sending(), Sent.PRESS)
        assert len(asked.in_hand) == 1

    await asyncio.create_task(handle())
    await asyncio.sleep(0)
    assert len(asked.in_hand) == 0
    await asked.aclose()
