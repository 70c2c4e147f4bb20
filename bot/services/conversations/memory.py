"""The memory of a conversation: shown, and cleared on request."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from bot.domain.conversation.store import ConversationKey, ConversationStore, Turn
from bot.domain.conversation.summary import SummaryStore
from bot.domain.conversation.tokens import MESSAGE_TOKENS, TokenEstimator
from bot.domain.conversation.window import build_window
from bot.domain.queue.request import GenerationOptions

log = structlog.get_logger(__name__)

SHOWN_TURNS = 8
COUNTED_TURNS = 200


@dataclass(frozen=True, slots=True)
class Memory:
    """What a conversation remembers. ``turns`` counts the newest 200 at most, ``used`` those that fit.

    Estimated tokens: ``persona`` of the system prompt and ``recalled`` of the turns, of ``limit``; the rest is
    free for the question. ``gist`` is the summary of the turns that no longer fit, or empty.
    """

    turns: int
    used: int
    tokens: int
    persona: int
    recalled: int
    limit: int
    newest: tuple[Turn, ...]
    gist: str = ""


class ConversationService:
    """Shows and clears conversations."""

    def __init__(self, store: ConversationStore, estimator: TokenEstimator, summaries: SummaryStore) -> None:
        self._store = store
        self._estimator = estimator
        self._summaries = summaries

    async def memory(self, key: ConversationKey, options: GenerationOptions) -> Memory:
        """What would be sent along with the next question. Raises :class:`StorageError`."""
        conversation_id = await self._store.conversation(key)
        turns = await self._store.recent_turns(conversation_id, limit=COUNTED_TURNS)
        summary = await self._summaries.summary(conversation_id)
        gist = summary.text if summary else ""
        estimate = self._estimator.for_model(None)
        persona = estimate(options.system_prompt) + MESSAGE_TOKENS if options.system_prompt else 0
        window = build_window(
            turns,
            "…",
            asker="",
            system_prompt=options.system_prompt,
            budget=max(options.context_tokens, persona + 64),
            estimate=estimate,
            gist=gist,
        )
        return Memory(
            turns=len(turns),
            used=window.turns_used,
            tokens=window.tokens,
            persona=persona,
            recalled=max(0, window.tokens - persona),
            limit=options.context_tokens,
            newest=tuple(reversed(turns[:SHOWN_TURNS])),
            gist=gist,
        )

    async def clear(self, key: ConversationKey, *, by: int) -> int:
        """Forget the conversation's turns; returns how many. Raises :class:`StorageError`."""
        conversation_id = await self._store.find(key)
        cleared = 0 if conversation_id is None else await self._store.clear(conversation_id)
        log.info("conversation.cleared", channel=key.channel_id, by=by, turns=cleared)
        return cleared
