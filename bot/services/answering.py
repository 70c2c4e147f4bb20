"""One question being answered: window, stream, outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

import structlog

from bot.clock import Clock
from bot.conversation.material import with_material
from bot.conversation.ports import ConversationStore, Turn
from bot.conversation.tokens import TokenEstimator
from bot.conversation.window import Window, build_window
from bot.errors import BotError, SchedulerError
from bot.inference import (
    AnswerStats,
    ChatRequest,
    Finish,
    FinishReason,
    Reasoning,
    Scheduler,
    Started,
    StreamEvent,
    Text,
)
from bot.queueing.ports import RequestStore
from bot.queueing.request import Answer, Manner, RequestKind, StoredRequest
from bot.services.desk import LiveAnswer
from bot.services.lineage import Lineage
from bot.services.summaries import Summaries

log = structlog.get_logger(__name__)

# What the cluster is asked for the rest of an answer: no field of its API continues a message everywhere.
CONTINUE_PROMPT = (
    "Continue your last answer exactly where it stopped. Do not repeat any of it and do not comment on it."
)

# A stream that breaks in the middle of an answer is repeated this many times before the part is kept.
REPEATS = 1

# The footer tells for how long one waits or the model thinks; it is looked at this often while nothing arrives.
FOOTER_TICK = 1.0


@dataclass(frozen=True, slots=True)
class ChatPolicy:
    """What every question is asked with. Tokens; ``window_turns`` bounds how many turns are read."""

    system_prompt: str
    context_tokens: int
    max_tokens: int
    window_turns: int = 200


class StopCause(Enum):
    """Why an answer was ended before its own end."""

    PERSON = auto()
    GONE = auto()
    SHUTDOWN = auto()


@dataclass(frozen=True, slots=True)
class Stop:
    """Who or what ended an answer. ``by`` is a user id for a person."""

    cause: StopCause
    by: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt.

    ``answer`` is set when there is something to keep (complete, stopped or broken off), ``error`` when the
    attempt failed, ``stop`` when it was ended from outside.
    """

    answer: Answer | None = None
    error: BotError | None = None
    stop: Stop | None = None
    finish: FinishReason | None = None


class AnswerRun:
    """One attempt at one question. Start with :meth:`execute`, end early with :meth:`stop`."""

    def __init__(
        self,
        request: StoredRequest,
        live: LiveAnswer,
        *,
        scheduler: Scheduler,
        store: RequestStore,
        conversations: ConversationStore,
        estimator: TokenEstimator,
        policy: ChatPolicy,
        clock: Clock,
        summaries: Summaries | None,
        model: str | None,
        on_started: Callable[[float], None],
    ) -> None:
        """``on_started(waited)`` is told when a pipeline has taken the question, with the seconds it took."""
        self.request = request
        self.live = live
        self._scheduler = scheduler
        self._store = store
        self._conversations = conversations
        self._estimator = estimator
        self._manner = request.question.manner or Manner(
            policy.system_prompt, policy.context_tokens, policy.max_tokens
        )
        self._window_turns = policy.window_turns
        self._recalled: int | None = None
        self._summaries = summaries
        self._summarised = False
        self._clock = clock
        self._model = model
        self._on_started = on_started
        self._stop: Stop | None = None
        self._started = False
        self._sent_at = clock.monotonic()
        self._first_at: float | None = None
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._pieces = 0
        self._broken: list[str] = []
        self._reader: asyncio.Task[Finish | None] | None = None
        self._log = log.bind(request_id=request.request_id)

    @property
    def elapsed(self) -> float:
        """Seconds since the question was sent to the cluster."""
        return self._clock.monotonic() - self._sent_at

    @property
    def withdrawable(self) -> bool:
        """Whether hanging up frees the pipeline: a request the scheduler still holds is dispatched there even
        after its client left (parallax-api.md, "Load")."""
        return self._started

    def stop(self, stop: Stop) -> None:
        """End the answer. The connection is closed at once, or, while the scheduler still holds the request,
        as soon as it surfaces there."""
        if self._stop is None:
            self._stop = stop
            if self._reader is not None and self._started:
                self._reader.cancel()

    async def execute(self) -> Outcome:
        """Ask and stream; returns when the connection is closed. Raises only what is a bug."""
        ticker = asyncio.create_task(self._tick(), name=f"ticker-{self.request.request_id}")
        try:
            return await self._attempt()
        finally:
            ticker.cancel()

    async def _attempt(self) -> Outcome:
        try:
            window, ratio = await self._window()
            self.live.view.asked(self._model)
            self.live.show()
            finish = await self._streamed(window)
        except SchedulerError as error:
            return Outcome(answer=self._partial("interrupted"), error=error, stop=self._stop)
        except BotError as error:
            return Outcome(error=error, stop=self._stop)
        if finish is None:
            return Outcome(answer=self._partial("stopped"), stop=self._stop)
        self._calibrate(window, ratio, finish.stats)
        return Outcome(answer=self._complete(finish), finish=finish.reason)

    async def _streamed(self, window: Window) -> Finish | None:
        """Read the answer; one that breaks in the middle is asked for again, silently, from its start."""
        for repeat in range(REPEATS + 1):
            if self._stop is not None:
                return None
            self._reader = asyncio.create_task(self._read(window), name=f"stream-{self.request.request_id}")
            try:
                return await self._joined(self._reader)
            except SchedulerError as error:
                if repeat == REPEATS or not (error.retryable and self._text) or self._stop is not None:
                    self._keep_longest()
                    raise
                self._log.warning("answer.repeated", code=error.code, detail=str(error), pieces=self._pieces)
            self._broken = self._text
            self._text, self._reasoning, self._pieces, self._first_at = [], [], 0, None
            self._started = False
            self.live.view.reconnecting()
            self.live.show()
        return None

    def _keep_longest(self) -> None:
        """The repetition failed too: of the two parts the longer one is worth keeping."""
        if len("".join(self._broken)) > len("".join(self._text)):
            self._text, self._pieces = self._broken, len(self._broken)
            self.live.view.restore("".join(self._broken))

    async def _joined(self, reader: asyncio.Task[Finish | None]) -> Finish | None:
        try:
            return await asyncio.shield(reader)
        except asyncio.CancelledError:
            if self._stop is not None and reader.cancelled():
                return None
            # We are being cancelled ourselves: the connection must not outlive us.
            reader.cancel()
            await asyncio.wait({reader})
            raise

    async def _read(self, window: Window) -> Finish | None:
        self._sent_at = self._clock.monotonic()
        question = self.request.question
        chat = ChatRequest(
            messages=window.messages,
            max_tokens=self._manner.max_tokens,
            temperature=self._manner.temperature,
            top_k=self._manner.top_k,
            think=question.think,
        )
        async with self._scheduler.stream_chat(chat) as events:
            async for event in events:
                if isinstance(event, Started):
                    self._started = True
                    self._on_started(event.waited)
                if self._stop is not None:
                    return None
                if isinstance(event, Finish):
                    return event
                self._take(event)
        return None

    def _take(self, event: StreamEvent) -> None:
        view = self.live.view
        if isinstance(event, Text):
            if self._first_at is None:
                self._first_at = self._clock.monotonic()
            self._pieces += 1
            self._text.append(event.text)
            view.text(event.text)
            self.live.show()
        elif isinstance(event, Reasoning):
            self._reasoning.append(event.text)
            view.thinking()

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(FOOTER_TICK)
            self.live.show()

    async def _window(self) -> tuple[Window, float]:
        """The window, and the calibration it was measured with."""
        question = self.request.question
        turns = await self._conversations.recent_turns(
            question.conversation_id, limit=self._window_turns, follows=question.follows
        )
        asked = with_material(question.prompt, question.material)
        everything = turns
        if question.kind is not RequestKind.ASK:
            lineage = Lineage.of(await self._store.versions(question.root_id or question.request_id))
            turns = [turn for turn in turns if turn.request_id not in lineage.request_ids]
            if question.kind is RequestKind.CONTINUE and (newest := lineage.newest_turn()) is not None:
                turns = [newest, *turns]
                asked = CONTINUE_PROMPT
                self.live.view.begin_with(newest.answer)
        gist = await self._gist(everything, {turn.turn_id for turn in everything if turn not in turns})
        calibrated = self._estimator.for_model(None)
        window = build_window(
            turns,
            asked,
            asker=question.asker.name,
            system_prompt=self._manner.system_prompt,
            budget=self._manner.context_tokens,
            estimate=calibrated,
            gist=gist,
        )
        self._summarised = window.summarised
        if window.turns_left_out and self._summaries is not None:
            self._summaries.overflowed(question.conversation_id, self._manner.context_tokens)
        full = len(turns) >= self._window_turns
        self._recalled = window.turns_used if window.turns_left_out or full else None
        return window, calibrated.ratio

    async def _gist(self, turns: Sequence[Turn], own: set[int]) -> str:
        """The summary this question sees, or nothing; ``own`` are the turns of its own earlier versions."""
        question = self.request.question
        if self._summaries is None:
            return ""
        summary = await self._summaries.gist(question.conversation_id, turns, follows=question.follows)
        if summary is None:
            return ""
        # What is asked for anew must not be told in the notes already.
        is_told = question.kind is not RequestKind.ASK and (not own or min(own) <= summary.upto)
        return "" if is_told else summary.text

    def _calibrate(self, window: Window, ratio: float, stats: AnswerStats) -> None:
        if stats.prompt_tokens and stats.model:
            self._estimator.observe(stats.model, window.tokens, stats.prompt_tokens, ratio=ratio)

    def _complete(self, finish: Finish) -> Answer:
        stats = finish.stats
        return Answer(
            text="".join(self._text),
            reasoning="".join(self._reasoning),
            finish=finish.reason.value,
            model=stats.model or self._model,
            prompt_tokens=stats.prompt_tokens,
            completion_tokens=stats.completion_tokens,
            ttft=stats.ttft,
            duration=stats.duration,
            tokens_per_second=stats.tokens_per_second,
            counted=stats.counted,
            recalled=self._recalled,
            summarised=self._summarised,
        )

    def _partial(self, finish: str) -> Answer | None:
        if not self._text:
            return None
        elapsed = self.elapsed
        first = None if self._first_at is None else self._first_at - self._sent_at
        writing = elapsed - (first or 0.0)
        return Answer(
            text="".join(self._text),
            reasoning="".join(self._reasoning),
            finish=finish,
            model=self._model,
            prompt_tokens=None,
            completion_tokens=self._pieces,
            ttft=first,
            duration=elapsed,
            tokens_per_second=(self._pieces - 1) / writing if self._pieces > 1 and writing > 0 else None,
            counted=False,
            recalled=self._recalled,
            summarised=self._summarised,
        )


class Answering:
    """Makes runs: everything they need that is the same for all questions."""

    def __init__(
        self,
        *,
        scheduler: Scheduler,
        store: RequestStore,
        conversations: ConversationStore,
        estimator: TokenEstimator,
        policy: ChatPolicy,
        clock: Clock,
        summaries: Summaries | None = None,
    ) -> None:
        """``summaries`` None: nothing is summarised."""
        self._scheduler = scheduler
        self._store = store
        self._conversations = conversations
        self._estimator = estimator
        self._policy = policy
        self._clock = clock
        self._summaries = summaries

    def run(
        self,
        request: StoredRequest,
        live: LiveAnswer,
        *,
        model: str | None,
        on_started: Callable[[float], None],
    ) -> AnswerRun:
        """One attempt at ``request``; ``model`` is the one the cluster is known to serve."""
        if self._summaries is not None:
            self._summaries.give_way()
        return AnswerRun(
            request,
            live,
            scheduler=self._scheduler,
            store=self._store,
            conversations=self._conversations,
            estimator=self._estimator,
            policy=self._policy,
            clock=self._clock,
            summaries=self._summaries,
            model=model,
            on_started=on_started,
        )
