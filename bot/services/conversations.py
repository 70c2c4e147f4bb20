"""What a channel remembers: shown, and forgotten on request."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from bot.conversation.ports import ConversationKey, ConversationStore, Turn
from bot.conversation.tokens import TokenEstimator
from bot.conversation.window import build_window

log = structlog.get_logger(__name__)

SHOWN_TURNS = 8
COUNTED_TURNS = 200


@dataclass(frozen=True, slots=True)
class Memory:
    """A conversation as its owner sees it. ``turns`` counts at most 200, newest; tokens are estimates."""

    turns: int
    used: int
    tokens: int
    limit: int
    newest: tuple[Turn, ...]


class ConversationService:
    """Shows and clears conversations."""

    def __init__(
        self, store: ConversationStore, estimator: TokenEstimator, *, system_prompt: str, context_tokens: int
    ) -> None:
        self._store = store
        self._estimator = estimator
        self._system_prompt = system_prompt
        self._context_tokens = context_tokens

    async def memory(self, key: ConversationKey) -> Memory:
        """What the next question in this conversation would carry along. Raises :class:`StorageError`."""
        conversation_id = await self._store.find(key)
        if conversation_id is None:
            return Memory(0, 0, 0, self._context_tokens, ())
        turns = await self._store.recent_turns(conversation_id, limit=COUNTED_TURNS)
        window = build_window(
            turns,
            "…",
            asker="",
            system_prompt=self._system_prompt,
            budget=self._context_tokens,
            estimate=self._estimator.estimate,
        )
        newest = tuple(reversed(turns[:SHOWN_TURNS]))
        return Memory(len(turns), window.turns_used, window.tokens, self._context_tokens, newest)

    async def clear(self, key: ConversationKey, *, by: int) -> int:
        """Forget the conversation's turns; returns how many. Raises :class:`StorageError`."""
        conversation_id = await self._store.find(key)
        cleared = 0 if conversation_id is None else await self._store.clear(conversation_id)
        log.info("conversation.cleared", channel=key.channel_id, by=by, turns=cleared)
        return cleared
