"""Conversations in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.conversation.store import ConversationKey, Turn
from bot.domain.queue.request import Answer, NewQuestion, RequestKind


class MemoryConversations:
    """A :class:`bot.domain.conversation.store.ConversationStore` in memory."""

    def __init__(self) -> None:
        self._ids: dict[tuple[int, int | None], int] = {}
        self._turns: dict[int, dict[str, Turn]] = {}
        self._next_turn = 1
        self._follows: dict[str, str | None] = {}

    async def conversation(self, key: ConversationKey, scopes: Sequence[int] = ()) -> int:
        """The id of the conversation for ``key``, which is created when there is none."""
        return self._ids.setdefault((key.channel_id, key.private_to), len(self._ids) + 1)

    async def find(self, key: ConversationKey) -> int | None:
        """The id of the conversation for ``key``, or None."""
        return self._ids.get((key.channel_id, key.private_to))

    async def recent_turns(
        self, conversation_id: int, *, limit: int, follows: str | None = None
    ) -> Sequence[Turn]:
        """The newest ``limit`` turns, newest first, or those of a branch."""
        turns = self._turns.get(conversation_id, {})
        path: list[Turn] = []
        if follows is not None and follows in turns:
            while follows is not None and follows in turns:
                path.append(turns[follows])
                follows = self._follows[follows]
            if follows is not None:
                return path[:limit]
        newest_first = sorted(turns.values(), key=lambda turn: turn.turn_id, reverse=True)
        before = path[-1].turn_id if path else self._next_turn
        return [*path, *(turn for turn in newest_first if turn.turn_id < before)][:limit]

    async def clear(self, conversation_id: int) -> int:
        """Forget all turns of the conversation; returns how many there were."""
        return len(self._turns.pop(conversation_id, {}))

    def remember(self, question: NewQuestion, answer: Answer, *, now: float) -> None:
        """Store an answer as its question's turn, as the database does in the transaction that commits an
        answer."""
        turns = self._turns.setdefault(question.conversation_id, {})
        root_id = question.root_id or question.request_id
        before = turns.get(root_id)
        if question.kind is RequestKind.CONTINUE:
            if before is not None:
                turns[root_id] = replace(
                    before,
                    request_id=question.request_id,
                    answer=before.answer + answer.text,
                    finish=answer.finish,
                    completion_tokens=(before.completion_tokens or 0) + answer.completion_tokens,
                )
            return
        if before is None:
            turn_id, created_at = self._next_turn, now
            self._follows[root_id] = question.follows
            self._next_turn += 1
        else:
            turn_id, created_at = before.turn_id, before.created_at
        turns[root_id] = Turn(
            turn_id=turn_id,
            request_id=question.request_id,
            asker_id=question.asker.user_id,
            asker_name=question.asker.name,
            question=question.prompt,
            answer=answer.text,
            finish=answer.finish,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            created_at=created_at,
            attached_text=question.attached_text,
        )
