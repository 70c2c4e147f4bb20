"""Summaries of the turns that no longer fit a prompt, written by the cluster while nobody asks it anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import structlog

from bot.clock import Clock
from bot.domain.chat import ChatRequest, Finish, StreamEvent, Text
from bot.domain.conversation.store import ConversationStore, Turn
from bot.domain.conversation.summary import Summary, SummaryStore, asking_for, left_to_turns, next_chunk, tidied
from bot.domain.conversation.tokens import TokenEstimator
from bot.domain.conversation.window import build_window
from bot.errors import BotError, PromptTooLong, SchedulerError

log = structlog.get_logger(__name__)

LOOK_EVERY = 1.0
"""Seconds between two checks whether the cluster is idle, while there is something to summarise."""

READ_TURNS = 200

# The most conversations that wait for a summary. Beyond, the one that waits longest is dropped; its next question
# requests a summary again.
WAITING_AT_MOST = 256


class IdleCheck(Protocol):
    """Tells whether the cluster has nothing to do for people."""

    async def is_idle(self) -> bool:
        """Whether nothing runs or waits and the cluster would take a question. Raises :class:`StorageError`."""
        ...


class Chats(Protocol):
    """Answers chats."""

    def stream_chat(self, request: ChatRequest) -> AbstractAsyncContextManager[AsyncIterator[StreamEvent]]:
        """As :meth:`bot.domain.scheduler.Scheduler.stream_chat`."""
        ...


class Summariser:
    """Writes summaries one at a time, and stops writing one as soon as somebody asks a question."""

    def __init__(
        self,
        *,
        store: SummaryStore,
        conversations: ConversationStore,
        scheduler: Chats,
        estimator: TokenEstimator,
        clock: Clock,
        idleness: IdleCheck,
    ) -> None:
        self._store = store
        self._conversations = conversations
        self._scheduler = scheduler
        self._estimator = estimator
        self._clock = clock
        self._idleness = idleness
        self._wanted: dict[int, int] = {}
        self._something = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    async def gist(self, conversation_id: int, turns: Sequence[Turn], *, follows: str | None) -> Summary | None:
        """The summary a question sees, None when there is none for it. A question that follows a branch sees it
        only when the branch leads on from where the summary ends. Raises :class:`StorageError`."""
        summary = await self._store.summary(conversation_id)
        if summary is None or (follows is not None and all(turn.turn_id != summary.upto for turn in turns)):
            return None
        return summary

    def overflowed(self, conversation_id: int, budget: int) -> None:
        """Request a summary: a question could not see all of its conversation within ``budget`` tokens."""
        self._wanted.pop(conversation_id, None)
        self._wanted[conversation_id] = budget
        if len(self._wanted) > WAITING_AT_MOST:
            del self._wanted[next(iter(self._wanted))]
        self._something.set()

    def give_way(self) -> None:
        """Stop writing at once, because a question goes to the cluster. The summary is begun again later."""
        if self._writing is not None:
            self._writing.cancel()

    async def run(self) -> None:
        """Summarise until cancelled."""
        while True:
            await self._something.wait()
            await self._clock.sleep(LOOK_EVERY)
            if not await self._idleness.is_idle():
                continue
            conversation_id, budget = next(iter(self._wanted.items()))
            if await self._carried(conversation_id, budget) and self._wanted.get(conversation_id) == budget:
                del self._wanted[conversation_id]
            if not self._wanted:
                self._something.clear()

    async def _carried(self, conversation_id: int, budget: int) -> bool:
        """Write a summary; False when a question interrupted it and it has to be tried again."""
        self._writing = asyncio.create_task(
            self._write(conversation_id, budget), name=f"summary-{conversation_id}"
        )
        try:
            await asyncio.wait({self._writing})
        finally:
            writing, self._writing = self._writing, None
            writing.cancel()
            # When this task is cancelled too, the connection must be closed before it ends.
            await asyncio.wait({writing})
        if writing.cancelled():
            log.info("summary.gave_way", conversation=conversation_id)
            return False
        error = writing.exception()
        if isinstance(error, BotError):
            # The next question that does not see all turns requests it again.
            log.warning("summary.failed", conversation=conversation_id, error=type(error).__name__)
        elif error is not None:
            raise error
        return True

    async def _write(self, conversation_id: int, budget: int) -> None:
        estimate = self._estimator.for_model(None)
        before = await self._store.summary(conversation_id)
        turns = await self._conversations.recent_turns(conversation_id, limit=READ_TURNS)
        todo = self._beyond(turns, budget, 0 if before is None else before.upto)
        while todo:
            chunk = next_chunk(todo, budget=budget, estimate=estimate)
            asked = asking_for(chunk, before=before.text if before else "", budget=budget)
            text = tidied(await self._answer(asked), budget)
            if not text:
                return
            summary = Summary(text, chunk[-1].turn_id, self._clock.now())
            after = before.upto if before else None
            if not await self._store.keep(conversation_id, summary, made_of=chunk, after=after):
                return
            log.info("summary.written", conversation=conversation_id, turns=len(chunk))
            before, todo = summary, todo[len(chunk) :]

    def _beyond(self, turns: Sequence[Turn], budget: int, upto: int) -> list[Turn]:
        """The turns that will soon not fit any more and are in no summary, oldest first."""
        try:
            window = build_window(
                turns,
                "",
                asker="",
                system_prompt="",
                budget=left_to_turns(budget),
                estimate=self._estimator.for_model(None),
            )
        except PromptTooLong:
            return []
        return [turn for turn in reversed(turns[window.turns_used :]) if turn.turn_id > upto]

    async def _answer(self, request: ChatRequest) -> str:
        pieces: list[str] = []
        async with self._scheduler.stream_chat(request) as events:
            async for event in events:
                if isinstance(event, Text):
                    pieces.append(event.text)
                elif isinstance(event, Finish):
                    return "".join(pieces)
        raise SchedulerError("the summary's stream ended without its end")
