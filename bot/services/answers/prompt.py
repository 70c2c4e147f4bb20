"""The prompt of a question: the part of the conversation that fits, and what to answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.channel_summary.instructions import system_prompt, take_notes, wish_of
from bot.domain.channel_summary.plan import Plan
from bot.domain.conversation.attached_text import as_attached_text
from bot.domain.conversation.store import ConversationStore, Turn
from bot.domain.conversation.template_marks import break_marks
from bot.domain.conversation.tokens import TokenEstimator
from bot.domain.conversation.window import Window, build_window
from bot.domain.queue.request import GenerationOptions, NewQuestion, RequestKind
from bot.domain.queue.store import RequestStore
from bot.services.answers.versions import AnswerVersions
from bot.services.conversations.summariser import Summariser

# The request for the rest of an answer, for engines that cannot continue an assistant's message.
CONTINUE_PROMPT = (
    "Continue your last answer exactly where it stopped. Do not repeat any of it and do not comment on it."
)


@dataclass(frozen=True, slots=True)
class ChatPolicy:
    """The defaults of every question at one cluster, in tokens. ``window_turns`` bounds how many turns are read;
    ``assistant_prefix``: the engine continues an assistant's message at the end of a prompt. ``most_context``: no
    more than so many tokens are sent along there, whatever a profile says; None: as many as that says."""

    system_prompt: str
    context_tokens: int
    max_tokens: int
    window_turns: int = 200
    assistant_prefix: bool = False
    most_context: int | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the cluster is sent. ``prefix`` is the beginning of the answer; ``ratio`` the calibration that the
    window was measured with; ``base`` the text that the answer continues; ``recalled`` how many earlier turns the
    model is shown, None for all. ``thought_enough``: the answer that it continues is nothing but thinking, so it
    is asked for once more without thinking."""

    window: Window
    ratio: float
    prefix: str = ""
    base: str = ""
    recalled: int | None = None
    thought_enough: bool = False


def prefix_of(text: str, is_possible: bool) -> str:
    """``text`` if the engine can continue it, otherwise nothing; ``is_possible``: it can continue texts at all.

    It cannot with marks of a chat template in it: some templates cut an assistant's message at ``</think>``, and
    what stands before it is lost.
    """
    return text if is_possible and text.strip() and break_marks(text) == text else ""


class Prompts:
    """Builds prompts from what is stored. Raises only :class:`StorageError`."""

    def __init__(
        self,
        store: RequestStore,
        conversations: ConversationStore,
        estimator: TokenEstimator,
        policy: ChatPolicy,
        summariser: Summariser | None,
    ) -> None:
        """``summariser`` None: nothing is summarised."""
        self._store = store
        self._conversations = conversations
        self._estimator = estimator
        self.policy = policy
        self._summariser = summariser

    def options(self, question: NewQuestion) -> GenerationOptions:
        """The generation options of this question."""
        policy = self.policy
        return question.options or GenerationOptions(
            policy.system_prompt, policy.context_tokens, policy.max_tokens
        )

    def budget(self, options: GenerationOptions) -> int:
        """How many tokens a prompt with these options has here at most."""
        return min(options.context_tokens, self.policy.most_context or options.context_tokens)

    def of_summary(self, question: NewQuestion, plan: Plan) -> Prompt:
        """The prompt for the next step of a summary, which no conversation is a part of. Raises
        :class:`PromptTooLong`."""
        options, calibrated = self.options(question), self._estimator.for_model(None)
        wish = wish_of(question.prompt, options)
        window = build_window(
            (),
            question.prompt if plan.is_last else take_notes(wish),
            asker=question.asker.name,
            attached_text=as_attached_text("conversation", plan.unread[0]),
            system_prompt=system_prompt(plan, options.system_prompt, question.asker.locale, wish),
            budget=self.budget(options),
            estimate=calibrated,
        )
        return Prompt(window, calibrated.ratio)

    async def of(self, question: NewQuestion, *, assistant_prefix: bool) -> Prompt:
        """The prompt for this question, now. ``assistant_prefix`` as in :class:`ChatPolicy`."""
        if self._summariser is not None:
            self._summariser.give_way()
        options = self.options(question)
        turns = await self._conversations.recent_turns(
            question.conversation_id, limit=self.policy.window_turns, follows=question.follows
        )
        asked, attached_text, prefix, base = question.prompt, question.attached_text, "", ""
        thought_enough = False
        everything = turns
        if question.kind is not RequestKind.ASK:
            answer_versions = AnswerVersions.of(
                await self._store.versions(question.root_id or question.request_id)
            )
            turns = [turn for turn in turns if turn.request_id not in answer_versions.request_ids]
            if question.kind is RequestKind.CONTINUE and (newest := answer_versions.newest_turn()) is not None:
                base = newest.answer
                prefix = prefix_of(base, assistant_prefix)
                thought_enough = not base.strip()
                if not prefix and not thought_enough:
                    turns = [newest, *turns]
                    asked, attached_text = CONTINUE_PROMPT, ""
        budget = self.budget(options)
        gist = await self._gist(question, everything, {turn.turn_id for turn in everything if turn not in turns})
        calibrated = self._estimator.for_model(None)
        window = build_window(
            turns,
            asked,
            asker=question.asker.name,
            asker_id=question.asker.user_id,
            attached_text=attached_text,
            system_prompt=options.system_prompt,
            budget=budget,
            estimate=calibrated,
            gist=gist,
        )
        if window.turns_left_out and self._summariser is not None:
            self._summariser.overflowed(question.conversation_id, budget)
        full = len(turns) >= self.policy.window_turns
        recalled = window.turns_used if window.turns_left_out or full else None
        return Prompt(window, calibrated.ratio, prefix, base, recalled, thought_enough)

    async def _gist(self, question: NewQuestion, turns: Sequence[Turn], own: set[int]) -> str:
        """The summary this question sees, or nothing; ``own`` are the turns of its own earlier versions."""
        if self._summariser is None:
            return ""
        summary = await self._summariser.gist(question.conversation_id, turns, follows=question.follows)
        if summary is None:
            return ""
        # The summary must not contain the answer that is asked for anew.
        is_told = question.kind is not RequestKind.ASK and (not own or min(own) <= summary.upto)
        return "" if is_told else summary.text
