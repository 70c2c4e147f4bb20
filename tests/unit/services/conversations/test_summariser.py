"""Summaries that cannot be written, or have nobody to be written for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from bot.domain.chat import ChatRequest, StreamEvent, Text
from bot.domain.conversation.store import Turn
from bot.domain.conversation.summary import Summary
from bot.domain.conversation.tokens import TokenEstimator
from bot.errors import StreamInterrupted
from bot.services.conversations.summariser import WAITING_AT_MOST, Summariser
from bot.tasks.demand import Demand
from tests.fakes.clocks import FastClock
from tests.fakes.conversations import MemoryConversations
from tests.fakes.questions import answer, question
from tests.fakes.schedulers import ScriptedScheduler

BUDGET = 400
"""Tokens: room for a few of the turns below, so that most of them go into summaries, some at a time."""


@dataclass(eq=False)
class Summaries:
    """A :class:`bot.domain.conversation.summary.SummaryStore` of one conversation, the newest last."""

    kept: list[Summary] = field(default_factory=list)
    keeps: bool = True

    async def summary(self, conversation_id: int) -> Summary | None:
        """The newest."""
        return self.kept[-1] if self.kept else None

    async def keep(
        self, conversation_id: int, summary: Summary, *, made_of: Sequence[Turn], after: int | None
    ) -> bool:
        """Keep it, unless a turn is said to have changed."""
        if self.keeps:
            self.kept.append(summary)
        return self.keeps


class Idle:
    """A cluster that has nothing to do for people."""

    async def is_idle(self) -> bool:
        """Always true."""
        return True


class EndlessAnswer(ScriptedScheduler):
    """A scheduler whose streams stop without their end."""

    @asynccontextmanager
    async def stream_chat(
        self, request: ChatRequest, *, demand: Demand | None = None
    ) -> AsyncIterator[AsyncIterator[StreamEvent]]:
        """Half a sentence."""

        async def half() -> AsyncIterator[StreamEvent]:
            yield Text("They talked ab")

        async with super().stream_chat(request, demand=demand):
            yield half()


@dataclass(eq=False)
class Notes:
    """A summariser that is at work, and everything around it."""

    scheduler: ScriptedScheduler = field(default_factory=ScriptedScheduler)
    conversations: MemoryConversations = field(default_factory=MemoryConversations)
    store: Summaries = field(default_factory=Summaries)

    def __post_init__(self) -> None:
        """Put the parts together."""
        self.summariser = Summariser(
            store=self.store,
            conversations=self.conversations,
            scheduler=self.scheduler,
            estimator=TokenEstimator(),
            clock=FastClock(1000.0),
            idleness=Idle(),
        )

    def talked(self, conversation: int = 1, *, turns: int = 20) -> None:
        """Fill a conversation with turns of some sixty tokens each."""
        for number in range(turns):
            asked = question(f"{conversation}-{number}", conversation=conversation, at=float(number))
            self.conversations.remember(asked, answer("word " * 50), now=float(number))

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Summarise inside the block."""
        working = asyncio.create_task(self.summariser.run())
        try:
            yield
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working


async def test_a_long_conversation_is_summarised_piece_by_piece() -> None:
    """Each request continues the notes of the one before."""
    notes = Notes()
    notes.talked()
    async with notes.at_work():
        notes.summariser.overflowed(1, BUDGET)
        (await notes.scheduler.asked(1)).end(" They counted words. ")
        second = await notes.scheduler.asked(2)
        assert "The notes so far:\nThey counted words.\n" in second.question
    assert [one.text for one in notes.store.kept] == ["They counted words."]


@pytest.mark.parametrize("failing", ["no words", "broken", "changed"])
async def test_what_cannot_be_summarised_is_left_until_the_next_question(failing: str) -> None:
    """No words came, the stream broke, or a turn was changed meanwhile: nothing is kept, and nothing repeated."""
    notes = Notes()
    notes.talked()
    notes.store.keeps = failing != "changed"
    async with notes.at_work():
        notes.summariser.overflowed(1, BUDGET)
        stream = await notes.scheduler.asked(1)
        if failing == "broken":
            stream.fail(StreamInterrupted("cut"))
        else:
            stream.end(" \n " if failing == "no words" else "gist")
        await notes.scheduler.left(stream)
        notes.talked(2)
        notes.summariser.overflowed(2, BUDGET)
        following = await notes.scheduler.asked(2)
        assert "prompt of 2-0" in following.question
    assert notes.store.kept == []


async def test_a_stream_without_its_end_is_no_summary() -> None:
    """Half a summary would be taken for all of it."""
    notes = Notes(scheduler=EndlessAnswer())
    notes.talked()
    async with notes.at_work():
        for asked in (1, 2):
            notes.summariser.overflowed(1, BUDGET + asked)
            await notes.scheduler.left(await notes.scheduler.asked(asked))
    assert notes.store.kept == []


async def test_a_budget_without_room_for_a_turn_asks_for_nothing() -> None:
    """No question can be asked with it either."""
    notes = Notes()
    notes.talked()
    notes.talked(2)
    async with notes.at_work():
        notes.summariser.overflowed(1, 1)
        notes.summariser.overflowed(2, BUDGET)
        assert "prompt of 2-0" in (await notes.scheduler.asked(1)).question


async def test_the_conversation_that_waits_longest_is_dropped_when_too_many_wait() -> None:
    """Its next question asks for its summary again."""
    notes = Notes()
    notes.talked(1)
    notes.talked(WAITING_AT_MOST + 1)
    for conversation in range(1, WAITING_AT_MOST + 2):
        notes.summariser.overflowed(conversation, BUDGET)
    async with notes.at_work():
        asked = await notes.scheduler.asked(1)
        assert f"prompt of {WAITING_AT_MOST + 1}-0" in asked.question


async def test_a_bug_ends_the_task_so_that_its_supervisor_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only known failures are left to the next question."""
    notes = Notes()

    async def broken(*_: object, **__: object) -> Sequence[Turn]:
        raise RuntimeError("a bug")

    monkeypatch.setattr(notes.conversations, "recent_turns", broken)
    notes.summariser.overflowed(1, BUDGET)
    with pytest.raises(RuntimeError, match="a bug"):
        await notes.summariser.run()


async def test_a_branch_sees_the_summary_only_when_it_leads_on_from_there() -> None:
    """Another branch's turns are not what the summary tells."""
    notes = Notes()
    notes.talked(turns=3)
    turns = await notes.conversations.recent_turns(1, limit=10)
    assert await notes.summariser.gist(1, turns, follows=None) is None
    kept = Summary("gist", turns[-1].turn_id, 1.0)
    notes.store.kept.append(kept)
    assert await notes.summariser.gist(1, turns, follows=None) == kept
    assert await notes.summariser.gist(1, turns, follows="1-2") == kept
    assert await notes.summariser.gist(1, turns[:-1], follows="1-2") is None
