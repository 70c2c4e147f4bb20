"""An attempt at one step of a channel's summary: notes of a part, or the summary itself."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.channel_summary.instructions import PART_ANSWER, room_for, wish_of
from bot.domain.channel_summary.links import Linker
from bot.domain.channel_summary.plan import Plan
from bot.domain.channel_summary.steps import Step
from bot.domain.chat import Finish, StreamEvent, Text
from bot.domain.queue.fairness import EXPECTED_ANSWER
from bot.domain.queue.request import Answer, StoredRequest, Used
from bot.errors import PromptTooLong, SchedulerError
from bot.services.answers.attempt import Attempt, AttemptParts, Outcome
from bot.services.answers.live import LiveAnswer
from bot.services.answers.prompt import Prompt

SHORTEST_HALVED = 400
"""Characters: what is too long with a shorter text is so because of the persona."""


class SummaryAttempt(Attempt):
    """One attempt at the next step of a summary.

    What the notes of a part say is shown to nobody. A part that fails is asked for again by the queue, as a
    question is of which no word came.
    """

    def __init__(
        self, request: StoredRequest, live: LiveAnswer, parts: AttemptParts, *, model: str | None
    ) -> None:
        super().__init__(request, live, parts, model=model)
        self._plan = Plan.read(request.question.attached_text)
        self._linker = self._new_linker()
        self._unshown_tokens = 0
        live.view.part = self._plan.progress
        if not self._plan.is_last:
            self._options = replace(self._options, max_tokens=min(self._options.max_tokens, PART_ANSWER))
            # Notes need no thinking, which could use up all their tokens.
            self.request = replace(request, question=replace(request.question, think=False))

    def kept(self) -> Answer | None:
        """The summary so far; of a part nothing is kept."""
        return super().kept() if self._plan.is_last else None

    async def execute(self) -> Outcome:
        """Ask and stream; return when the connection is closed. Every exception is a bug."""
        outcome = await super().execute()
        text = self._plan.unread[0]
        if isinstance(outcome.error, PromptTooLong) and len(text) >= SHORTEST_HALVED and outcome.stop is None:
            # The tokens were estimated before the model's tokenizer was known.
            return Outcome(step=self._step(self._plan.halved(), Used(0, 0), was_asked=False))
        if self._plan.is_last:
            return outcome
        answer = outcome.answer
        if answer is None or outcome.finish is None or outcome.stop is not None:
            return replace(outcome, answer=None, finish=None)
        wish = wish_of(self.request.question.prompt, self._options)
        room = room_for(self._options, self._parts.prompts.budget(self._options), self._estimate, wish)
        used = Used(answer.prompt_tokens or self._prompt_tokens, answer.completion_tokens)
        return Outcome(step=self._step(self._plan.noted(answer.text, room, self._estimate), used))

    def _step(self, plan: Plan, used: Used, *, was_asked: bool = True) -> Step:
        cost = self._estimate(plan.unread[0]) + self._estimate(self._options.system_prompt) + EXPECTED_ANSWER
        return Step(plan.stored(), float(cost), used, was_asked)

    def _estimate(self, text: str) -> int:
        return self._parts.estimator.for_model(None)(text)

    def _new_linker(self) -> Linker:
        return Linker(self._plan.server, self._plan.channel, self._plan.ids)

    async def _prompt(self) -> Prompt:
        prompt = self._parts.prompts.of_summary(self.request.question, self._plan)
        self._prompt_tokens = prompt.window.tokens
        return prompt

    async def _following(self, prompt: Prompt, error: SchedulerError) -> Prompt | None:
        return await super()._following(prompt, error) if self._plan.is_last else None

    async def _read(self, prompt: Prompt) -> Finish | None:
        self._linker, self._unshown_tokens = self._new_linker(), 0
        finish = await super()._read(prompt)
        if self._plan.is_last:
            self._add(self._linker.close())
        return finish

    def _take(self, event: StreamEvent) -> None:
        if not isinstance(event, Text):
            super()._take(event)
        elif self._plan.is_last:
            self._unshown_tokens += event.tokens
            self._add(self._linker.feed(event.text))
        else:
            self._buffer.add_text(event.text, event.tokens)

    def _add(self, text: str) -> None:
        """Add what the linker let through."""
        if text:
            tokens, self._unshown_tokens = self._unshown_tokens, 0
            super()._take(Text(text, tokens))
