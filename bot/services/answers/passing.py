"""An attempt at what a program asked: the scheduler's answer is passed on to its connection as it comes."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bot.domain.chat import FinishReason, Passed, Started, Usage
from bot.domain.queue.request import Answer, RequestKind, StoredRequest, Used
from bot.errors import BotError, Draining, SchedulerError, UpstreamFailed
from bot.services.answers.attempt import Attempt, AttemptParts, Outcome, Stop, StopCause
from bot.services.answers.live import LiveAnswer
from bot.services.answers.programs import WaitingProgram
from bot.services.answers.summarising import SummaryAttempt

_REASONS = {
    "stop": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALL,
    "function_call": FinishReason.TOOL_CALL,
}
_PIECE = "."
"""Stands for the text of a piece where that is not kept."""


def attempt_at(request: StoredRequest, live: LiveAnswer, parts: AttemptParts, *, model: str | None) -> Attempt:
    """The attempt at a request, whoever asked it; ``model`` as of :class:`Attempt`."""
    if request.question.kind is RequestKind.API:
        return PassedThrough(request, live, parts, model=model)
    if request.question.kind is RequestKind.SUMMARY:
        return SummaryAttempt(request, live, parts, model=model)
    return Attempt(request, live, parts, model=model)


class PassedThrough(Attempt):
    """One attempt at what a program asked. Nothing is asked again here: before the first piece the queue does
    that, after it the program has to decide."""

    def __init__(
        self, request: StoredRequest, live: LiveAnswer, parts: AttemptParts, *, model: str | None
    ) -> None:
        super().__init__(request, live, parts, model=model)
        programs = parts.programs
        self._program = programs.get(request.request_id) if programs is not None else None
        self._usage: Usage | None = None
        self._reason = FinishReason.OTHER

    @property
    def used(self) -> Used | None:
        """What the request has cost the cluster so far; None before a pipeline took it."""
        if not self._was_taken or self._program is None:
            return None
        if self._usage is not None:
            return Used(self._usage.prompt_tokens, self._usage.completion_tokens)
        return Used(self._program.prompt_tokens, self._buffer.tokens)

    def kept(self) -> Answer | None:
        """Nothing: the program has what came, and what it used is counted."""
        return None

    async def _attempt(self) -> Outcome:
        program = self._program
        if program is None or program.is_gone:
            return Outcome(stop=Stop(StopCause.GONE))
        program.error = None
        reader = asyncio.create_task(self._pass_on(program), name=f"stream-{self.request.request_id}")
        self._reader = reader
        try:
            is_whole = await self._joined(reader)
        except SchedulerError as error:
            self._parts.failed(error)
            program.error = error
            ending = "node_failed" if self._buffer.text_tokens else "interrupted"
            return Outcome(answer=self._counted(ending), error=error, stop=self._stop)
        except BotError as error:
            program.error = error
            return Outcome(error=error, stop=self._stop)
        if not is_whole:
            if self._stop is not None and self._stop.cause in {StopCause.SHUTDOWN, StopCause.LOST}:
                # Another process cannot go on with a connection of this one.
                program.end(Draining("this process ends, or lost the request"))
            return Outcome(stop=self._stop)
        # The response ends when this is stored: what was answered is counted, whatever happens then.
        program.answer = self._counted(self._reason.value) or self._nothing()
        return Outcome(answer=program.answer, finish=self._reason)

    async def _pass_on(self, program: WaitingProgram) -> bool:
        """Pass the answer on; returns whether it is whole, False when it was stopped."""
        passing = self._parts.passing
        if passing is None:
            raise UpstreamFailed("no scheduler to pass anything to")
        if self._stop is not None:
            return False
        self._started = self._leaves = worked = False
        self._buffer.sent()
        async with passing.pass_chat(program.body) as pieces:
            async for piece in pieces:
                if isinstance(piece, Started):
                    self._taken(piece)
                    program.started_at = self.request.started_at
                else:
                    if not worked:
                        worked = True
                        self._gate.worked(self.request.request_id)
                    self._note(piece, keeps_text=program.keeps_text)
                    await program.recipient.passed(piece)
                if self._stop is not None:
                    self._leaves = True
                    return False
            self._leaves = True
        return True

    def _note(self, piece: Passed, *, keeps_text: bool) -> None:
        """Count a piece of the answer."""
        self._usage = piece.usage or self._usage
        for choice in piece.choices:
            delta, reason = choice["delta"], choice["finish_reason"]
            if isinstance(reason, str) and reason:
                self._reason = _REASONS.get(reason.lower(), FinishReason.OTHER)
            if isinstance(delta, dict) and any(value for name, value in delta.items() if name != "role"):
                content = delta.get("content") if keeps_text else _PIECE
                self._buffer.add_text(content if isinstance(content, str) and content else _PIECE, piece.tokens)

    def _counted(self, ending: str) -> Answer | None:
        """What is stored of the answer; None when nothing of it came."""
        partial = self._buffer.partial(ending)
        if partial is None or self._program is None:
            return None
        usage = self._usage
        return replace(
            partial,
            text=partial.text if self._program.keeps_text else "",
            prompt_tokens=self._program.prompt_tokens if usage is None else usage.prompt_tokens,
            completion_tokens=partial.completion_tokens if usage is None else usage.completion_tokens,
            counted=usage is not None,
        )

    def _nothing(self) -> Answer:
        """A whole answer without a piece."""
        usage = self._usage or Usage(0, 0)
        return Answer(
            text="",
            reasoning="",
            finish=self._reason.value,
            model=self._buffer.model,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            ttft=None,
            duration=self.elapsed,
            tokens_per_second=None,
        )
