"""One question being answered: window, stream, outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

import structlog

from bot.clock import Clock
from bot.conversation.material import with_material
from bot.conversation.ports import ConversationStore, Turn
from bot.conversation.tokens import TokenEstimator
from bot.conversation.window import Window, build_window
from bot.errors import BotError, RequestRefused, SchedulerError
from bot.inference import (
    AnswerStats,
    ChatMessage,
    ChatRequest,
    Finish,
    FinishReason,
    Reasoning,
    Role,
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
from bot.services.transcript import Transcript

log = structlog.get_logger(__name__)

# What the cluster is asked for the rest of an answer where its engine does not go on with one.
CONTINUE_PROMPT = (
    "Continue your last answer exactly where it stopped. Do not repeat any of it and do not comment on it."
)

# Some chat templates cut an assistant's message at this tag: what stands before it would be lost.
_CUTS_MESSAGES = "</think>"

# The footer tells for how long one waits or the model thinks; it is looked at this often while nothing arrives.
FOOTER_TICK = 1.0


@dataclass(frozen=True, slots=True)
class ChatPolicy:
    """What every question is asked with. Tokens; ``window_turns`` bounds how many turns are read.

    ``assistant_prefix``: the cluster's engine goes on with the assistant's message that a prompt ends with.
    """

    system_prompt: str
    context_tokens: int
    max_tokens: int
    window_turns: int = 200
    assistant_prefix: bool = False


@dataclass(frozen=True, slots=True)
class _Prompt:
    """What the cluster is sent. ``prefix`` is what the answer begins with; ``ratio`` the calibration that the
    window was measured with."""

    window: Window
    ratio: float
    prefix: str = ""


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
        self._prefixes = policy.assistant_prefix
        self._summaries = summaries
        self._clock = clock
        self._on_started = on_started
        self._stop: Stop | None = None
        self._started = False
        self._said = Transcript(clock)
        self._said.model = model
        self._base = ""
        self._broken: list[str] | None = None
        self._reader: asyncio.Task[Finish | None] | None = None
        self._log = log.bind(request_id=request.request_id)

    @property
    def elapsed(self) -> float:
        """Seconds since the question was sent to the cluster."""
        return self._said.elapsed

    @property
    def withdrawable(self) -> bool:
        """Whether hanging up frees the pipeline: a request the scheduler still holds is dispatched there even
        after its client left (parallax-api.md, "Load")."""
        return self._started

    @property
    def stopped(self) -> Stop | None:
        """Who or what ended the answer, if anybody did."""
        return self._stop

    def stop(self, stop: Stop) -> None:
        """End the answer. The connection is closed at once, or, while the scheduler still holds the request,
        as soon as it surfaces there."""
        if self._stop is None:
            self._stop = stop
            if self._reader is not None and self._started:
                self._reader.cancel()

    def kept(self) -> Answer | None:
        """What there is of the answer, if it ends now; None when there is nothing."""
        self._keep_longest()
        return self._said.partial("stopped")

    async def execute(self) -> Outcome:
        """Ask and stream; returns when the connection is closed. Raises only what is a bug."""
        ticker = asyncio.create_task(self._tick(), name=f"ticker-{self.request.request_id}")
        try:
            return await self._attempt()
        finally:
            ticker.cancel()

    async def _attempt(self) -> Outcome:
        try:
            prompt = await self._prompt()
            self.live.view.asked(self._said.model)
            self.live.show()
            finish = await self._streamed(prompt)
        except SchedulerError as error:
            return Outcome(answer=self._said.partial("interrupted"), error=error, stop=self._stop)
        except BotError as error:
            return Outcome(error=error, stop=self._stop)
        if finish is None:
            return Outcome(answer=self.kept(), stop=self._stop)
        return Outcome(answer=self._said.complete(finish), finish=finish.reason)

    async def _streamed(self, prompt: _Prompt) -> Finish | None:
        """Read the answer; what breaks in the middle is asked for once more, silently: its rest where the engine
        goes on with an answer, else all of it."""
        while self._stop is None:
            self._started = False
            self._reader = asyncio.create_task(self._read(prompt), name=f"stream-{self.request.request_id}")
            try:
                finish = await self._joined(self._reader)
            except SchedulerError as error:
                following = await self._following(prompt, error)
                if following is None:
                    self._keep_longest()
                    raise
                prompt = following
            else:
                if finish is not None:
                    self._calibrate(prompt, finish.stats)
                return finish
        return None

    async def _following(self, prompt: _Prompt, error: SchedulerError) -> _Prompt | None:
        """What to ask after this error, None for nothing more."""
        if self._stop is not None:
            return None
        if prompt.prefix and isinstance(error, RequestRefused) and not self._said.fresh:
            self._log.warning("answer.prefix_refused", code=error.code, detail=str(error))
            self._prefixes = False
            following = await self._prompt()
        elif self._broken is None and error.retryable and self._said.fresh:
            self._log.warning("answer.repeated", code=error.code, detail=str(error), pieces=len(self._said.pieces))
            self._broken = self._said.pieces
            following = replace(prompt, prefix=self._prefix(self._base + self._said.text))
        else:
            return None
        if self._broken is not None:
            self.live.view.reconnecting(goes_on=bool(following.prefix))
            self.live.show()
        return following

    def _prefix(self, text: str) -> str:
        """``text``, if the engine can be asked to go on with it."""
        return text if self._prefixes and text.strip() and _CUTS_MESSAGES not in text else ""

    def _keep_longest(self) -> None:
        """The repetition failed too: of the two parts the longer one is worth keeping."""
        broken = "".join(self._broken or ())
        if len(broken) > len(self._said.text):
            self._said.replace(self._broken or [])
            self.live.view.restore(broken)

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

    async def _read(self, prompt: _Prompt) -> Finish | None:
        goes_on = bool(prompt.prefix) and self._broken is not None
        self._said.sent(prompt.prefix, keep=goes_on)
        messages = prompt.window.messages
        if prompt.prefix:
            messages = (*messages, ChatMessage(Role.ASSISTANT, prompt.prefix.rstrip()))
        chat = ChatRequest(
            messages=messages,
            max_tokens=max(1, self._manner.max_tokens - len(self._said.pieces)),
            temperature=self._manner.temperature,
            top_k=self._manner.top_k,
            # What has begun to answer is through with thinking; an engine would take its words for thoughts.
            think=False if prompt.prefix else self.request.question.think,
            goes_on=bool(prompt.prefix),
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
        if isinstance(event, Text):
            if new := self._said.add_text(event.text):
                self.live.view.text(new)
                self.live.show()
        elif isinstance(event, Reasoning):
            self._said.add_reasoning(event.text)
            self.live.view.thinking()

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(FOOTER_TICK)
            self.live.show()

    async def _prompt(self) -> _Prompt:
        question = self.request.question
        turns = await self._conversations.recent_turns(
            question.conversation_id, limit=self._window_turns, follows=question.follows
        )
        asked, prefix = with_material(question.prompt, question.material), ""
        everything = turns
        if question.kind is not RequestKind.ASK:
            lineage = Lineage.of(await self._store.versions(question.root_id or question.request_id))
            turns = [turn for turn in turns if turn.request_id not in lineage.request_ids]
            if question.kind is RequestKind.CONTINUE and (newest := lineage.newest_turn()) is not None:
                self._base = newest.answer
                self.live.view.begin_with(newest.answer)
                prefix = self._prefix(newest.answer)
                if not prefix:
                    turns = [newest, *turns]
                    asked = CONTINUE_PROMPT
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
        self._said.summarised = window.summarised
        if window.turns_left_out and self._summaries is not None:
            self._summaries.overflowed(question.conversation_id, self._manner.context_tokens)
        full = len(turns) >= self._window_turns
        self._said.recalled = window.turns_used if window.turns_left_out or full else None
        return _Prompt(window, calibrated.ratio, prefix)

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

    def _calibrate(self, prompt: _Prompt, stats: AnswerStats) -> None:
        if stats.prompt_tokens and stats.model and not prompt.prefix:
            self._estimator.observe(stats.model, prompt.window.tokens, stats.prompt_tokens, ratio=prompt.ratio)


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
