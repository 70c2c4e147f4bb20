"""One attempt at answering a question: prompt, stream, outcome."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TypeVar

import structlog

from bot.clock import Clock
from bot.domain.channel_summary.steps import Step
from bot.domain.chat import (
    AnswerStats,
    ChatMessage,
    ChatRequest,
    Finish,
    FinishReason,
    Reasoning,
    Role,
    Started,
    StreamEvent,
    Text,
)
from bot.domain.conversation.tokens import TokenEstimator
from bot.domain.queue.request import Answer, GenerationOptions, StoredRequest, Used
from bot.domain.scheduler import PassingScheduler, Scheduler
from bot.errors import (
    BotError,
    ClusterBusy,
    NodeFailed,
    RequestRefused,
    SchedulerError,
    SchedulerNotReady,
    SchedulerUnreachable,
)
from bot.services.answers.live import LiveAnswer
from bot.services.answers.programs import WaitingPrograms
from bot.services.answers.prompt import Prompt, Prompts, prefix_of
from bot.services.answers.stream_buffer import StreamBuffer
from bot.services.ports import AnswerGate
from bot.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

_T = TypeVar("_T")

# Seconds between two updates of the footer while nothing arrives.
FOOTER_TICK = 1.0

# For so many seconds an answer that broke off waits to be asked for again. Then it ends as it is, and its reader
# may continue it.
REPEAT_PATIENCE = 60.0


class StopCause(Enum):
    """Why an answer was ended before its own end."""

    PERSON = auto()
    GONE = auto()
    SHUTDOWN = auto()
    LOST = auto()
    """The question is not stored as running under this process any more."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Who or what ended an answer. ``by`` is a user id for a person."""

    cause: StopCause
    by: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one attempt.

    ``answer`` is set when there is something to keep (complete, stopped or broken off), ``error`` when the attempt
    failed, ``stop`` when it was ended from outside, ``step`` when there are further ones.
    """

    answer: Answer | None = None
    error: BotError | None = None
    stop: Stop | None = None
    finish: FinishReason | None = None
    step: Step | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptParts:
    """What is the same for all attempts at one cluster, whose name is ``cluster``. ``passing`` and ``programs``
    are for what programs ask; None: nothing."""

    cluster: str
    scheduler: Scheduler
    prompts: Prompts
    estimator: TokenEstimator
    clock: Clock
    gate: AnswerGate
    passing: PassingScheduler | None = None
    programs: WaitingPrograms | None = None
    metrics: Metrics | None = None

    def failed(self, error: SchedulerError) -> None:
        """Count an error of the cluster, also one after which it is asked again."""
        if self.metrics is not None:
            self.metrics.failed_at_scheduler(error, "chat")


class Attempt:
    """One attempt at one question. Start with :meth:`execute`, end early with :meth:`stop`."""

    def __init__(
        self, request: StoredRequest, live: LiveAnswer, parts: AttemptParts, *, model: str | None
    ) -> None:
        """``model`` is the one the cluster is known to serve."""
        self.request = request
        """The question; ``started_at`` is when a pipeline took it, and until then when it was claimed."""
        self.live = live
        self._parts = parts
        self._clock, self._gate = parts.clock, parts.gate
        self._options = parts.prompts.options(request.question)
        self._prefixes = parts.prompts.policy.assistant_prefix
        self._stop: Stop | None = None
        self._started = self._was_taken = self._leaves = False
        self._prompt_tokens = 0
        self._buffer = StreamBuffer(parts.clock)
        self._buffer.model = model
        self._base = ""
        self._broken: Text | None = None
        self._goes_on = False
        self._waits = False
        self._repeat_until = 0.0
        self._reader: asyncio.Task[Finish | None] | asyncio.Task[bool] | None = None
        self._log = log.bind(request_id=request.request_id)

    @property
    def cluster(self) -> str:
        """The name of the cluster that is asked."""
        return self._parts.cluster

    @property
    def elapsed(self) -> float:
        """Seconds since the question was sent to the cluster."""
        return self._buffer.elapsed

    @property
    def withdrawable(self) -> bool:
        """Whether closing the connection frees the pipeline. The scheduler dispatches a request that it still
        holds even after its client left (docs/parallax-api.md, "Load")."""
        return self._started

    @property
    def stopped(self) -> Stop | None:
        """Who or what ended the answer, if anybody did."""
        return self._stop

    def stop(self, stop: Stop) -> None:
        """End the answer. The connection is closed at once, or, while the scheduler still holds the request, when
        a pipeline takes it."""
        if self._stop is None:
            self._stop = stop
            if self._reader is not None and self.withdrawable:
                # What has arrived by now is read first.
                self.live.view.demand.ask()
                asyncio.get_running_loop().call_soon(self._interrupt)

    def _interrupt(self) -> None:
        """End the reading, unless it is ending: closing the connection must not be interrupted."""
        if self._reader is not None and not self._leaves:
            self._reader.cancel()

    @property
    def used(self) -> Used | None:
        """What the question has cost the cluster so far; None before a pipeline took it."""
        return Used(self._prompt_tokens, self._buffer.tokens) if self._was_taken else None

    def kept(self) -> Answer | None:
        """The answer so far, as if it was stopped now; None when there is no text."""
        self._keep_longest()
        return self._buffer.partial("stopped")

    async def execute(self) -> Outcome:
        """Ask and stream; return when the connection is closed. Every exception is a bug."""
        ticker = asyncio.create_task(self._tick(), name=f"ticker-{self.request.request_id}")
        try:
            return await self._attempt()
        finally:
            ticker.cancel()
            self._gate.left(self.request.request_id)

    async def _attempt(self) -> Outcome:
        try:
            prompt = await self._prompt()
            if self._stop is None:
                self.live.show_asked(self._buffer.model)
            finish = await self._streamed(prompt)
        except SchedulerError as error:
            ending = "node_failed" if isinstance(error, NodeFailed) else "interrupted"
            return Outcome(answer=self._buffer.partial(ending), error=error, stop=self._stop)
        except BotError as error:
            return Outcome(error=error, stop=self._stop)
        if finish is None:
            return Outcome(answer=self.kept(), stop=self._stop)
        return Outcome(answer=self._buffer.complete(finish), finish=finish.reason)

    async def _streamed(self, prompt: Prompt) -> Finish | None:
        """Read the answer. One that breaks off is asked for once more: its rest if the engine can continue a text,
        otherwise all of it."""
        while self._stop is None:
            self._started = False
            reader = asyncio.create_task(self._read(prompt), name=f"stream-{self.request.request_id}")
            self._reader = reader
            try:
                finish = await self._joined(reader)
            except SchedulerError as error:
                self._parts.failed(error)
                following = await self._following(prompt, error)
                if following is not None and await self._readmitted(goes_on=bool(following.prefix)):
                    prompt = following
                elif following is None or self._stop is None:
                    self._keep_longest()
                    raise
            else:
                if finish is not None:
                    _calibrate(self._parts.estimator, prompt, finish.stats)
                return finish
        return None

    async def _following(self, prompt: Prompt, error: SchedulerError) -> Prompt | None:
        """The prompt to send after this error; None for none."""
        if self._stop is not None:
            return None
        if prompt.prefix and isinstance(error, RequestRefused) and not self._buffer.fresh:
            self._log.warning("answer.prefix_refused", code=error.code, detail=str(error))
            self._prefixes = False
            return await self._prompt()
        if self._broken is not None:
            return prompt if self._is_put_off(error) else None
        if not (error.retryable and self._buffer.fresh):
            return None
        self._log.warning("answer.repeated", code=error.code, detail=str(error), tokens=self._buffer.text_tokens)
        self._broken = Text(self._buffer.text, self._buffer.text_tokens)
        self._repeat_until = self._clock.monotonic() + REPEAT_PATIENCE
        return replace(prompt, prefix=prefix_of(self._base + self._buffer.text, self._prefixes))

    def _is_put_off(self, error: SchedulerError) -> bool:
        """Whether the cluster did not take the repetition and it may be sent once more. Tells the gate. A
        scheduler that is gone is not waited for, because a person has to start it."""
        put_off = error.retryable or isinstance(error, ClusterBusy | SchedulerNotReady | SchedulerUnreachable)
        if self._buffer.fresh or not put_off:
            return False
        is_kept = self._gate.refused(
            self.request.request_id, error, elapsed=self._buffer.elapsed, attempts=self.request.attempts
        )
        return is_kept and not isinstance(error, SchedulerUnreachable)

    async def _readmitted(self, *, goes_on: bool) -> bool:
        """Wait until the gate lets an answer that broke off be asked for again; False when that takes too long, or
        somebody stopped it. Its text stays, and the footer shows the reason."""
        if self._broken is None:
            return True
        self._waits, self._goes_on = True, goes_on
        self._show_repeat()
        waiter = asyncio.create_task(
            self._gate.readmitted(self.request.request_id, until=self._repeat_until),
            name=f"repeat-{self.request.request_id}",
        )
        self._reader = waiter
        try:
            admitted = bool(await self._joined(waiter))
        finally:
            self._waits = False
        if admitted:
            self._show_repeat()
        elif self._stop is None:
            self._log.warning("answer.not_repeated", waited=REPEAT_PATIENCE)
        return admitted

    def _show_repeat(self) -> None:
        hold = self._gate.hold() if self._waits else None
        key, params = (hold.key, dict(hold.params)) if hold is not None else (None, {})
        self.live.view.show_reconnecting(key, goes_on=self._goes_on, **params)
        self.live.show()

    def _keep_longest(self) -> None:
        """Keep the longer of the two texts, as the repetition failed too."""
        broken = self._broken
        if broken is not None and len(broken.text) > len(self._buffer.text):
            self._buffer.replace(broken.text, broken.tokens)
            self.live.view.restore(broken.text)

    async def _joined(self, reader: asyncio.Task[_T]) -> _T | None:
        try:
            return await asyncio.shield(reader)
        except asyncio.CancelledError:
            if self._stop is not None and reader.cancelled():
                return None
            # This task is being cancelled: the connection must not outlive it.
            reader.cancel()
            await asyncio.wait({reader})
            raise

    async def _read(self, prompt: Prompt) -> Finish | None:
        goes_on = bool(prompt.prefix) and self._broken is not None
        self._buffer.sent(prompt.prefix, keep=goes_on)
        chat = _chat_request(prompt, self._options, self.request.question.think, self._buffer.text_tokens)
        worked = self._leaves = False
        async with self._parts.scheduler.stream_chat(chat, demand=self.live.view.demand) as events:
            async for event in events:
                if isinstance(event, Started):
                    self._taken(event)
                elif not worked:
                    worked = True
                    self._gate.worked(self.request.request_id)
                if not isinstance(event, Finish):
                    self._take(event)
                self._leaves = isinstance(event, Finish) or self._stop is not None
                if self._leaves:
                    return event if isinstance(event, Finish) and self._stop is None else None
        return None

    def _taken(self, event: Started) -> None:
        if not self._was_taken:
            self._was_taken = True
            self.request = replace(self.request, started_at=self._clock.now())
        self._started = True
        self._buffer.taken(event.waited)
        self._gate.began(event.waited)
        self.live.view.show_taken()
        self.live.show()

    def _take(self, event: StreamEvent) -> None:
        if isinstance(event, Text):
            if new := self._buffer.add_text(event.text, event.tokens):
                self.live.view.text(new, event.tokens)
                self.live.show()
        elif isinstance(event, Reasoning):
            self._buffer.add_reasoning(event.text)
            self.live.view.show_thinking()

    async def _tick(self) -> None:
        told = 0
        while True:
            await self._clock.sleep(FOOTER_TICK)
            if self._waits:
                self._show_repeat()
            elif self._buffer.text_tokens == told:  # new text is shown anyway, with the footer
                self.live.show()
            told = self._buffer.text_tokens

    async def _prompt(self) -> Prompt:
        prompt = await self._parts.prompts.of(self.request.question, assistant_prefix=self._prefixes)
        if prompt.base:
            self.live.view.begin_with(prompt.base)
        self._base, self._prompt_tokens = prompt.base, prompt.window.tokens
        self._buffer.summarised, self._buffer.recalled = prompt.window.summarised, prompt.recalled
        return prompt


def _chat_request(prompt: Prompt, options: GenerationOptions, think: bool | None, written: int) -> ChatRequest:
    """What is asked for, when so many tokens are ``written`` already."""
    messages = prompt.window.messages
    if prompt.prefix:
        messages = (*messages, ChatMessage(Role.ASSISTANT, prompt.prefix.rstrip()))
    return ChatRequest(
        messages=messages,
        max_tokens=max(1, options.max_tokens - written),
        temperature=options.temperature,
        top_k=options.top_k,
        # An answer that has begun needs no more thinking; an engine would take its words for thoughts.
        think=False if prompt.prefix or prompt.thought_enough else think,
        goes_on=bool(prompt.prefix),
    )


def _calibrate(estimator: TokenEstimator, prompt: Prompt, stats: AnswerStats) -> None:
    if stats.prompt_tokens and stats.model and not prompt.prefix:
        estimator.observe(stats.model, prompt.window.tokens, stats.prompt_tokens, ratio=prompt.ratio)
