"""The border to whatever keeps conversations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ConversationKey:
    """Which memory a question belongs to: a channel (or thread, or DM), or one person's private answers in it.

    ``private_to`` keeps private answers out of the channel's memory: what one person asked in private must not
    come back in front of others.
    """

    channel_id: int
    guild_id: int | None = None
    private_to: int | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One question with its answer. Pairs are kept whole. ``material`` is text that came with the question."""

    turn_id: int
    request_id: str
    asker_id: int
    asker_name: str
    question: str
    answer: str
    finish: str
    prompt_tokens: int | None
    completion_tokens: int | None
    created_at: float
    material: str = ""


class ConversationStore(Protocol):
    """Conversations and their turns. Raises only :class:`StorageError`."""

    async def conversation(self, key: ConversationKey) -> int:
        """The id of the conversation for ``key``, made when there is none."""
        ...

    async def find(self, key: ConversationKey) -> int | None:
        """The id of the conversation for ``key``, or None."""
        ...

    async def recent_turns(self, conversation_id: int, *, limit: int) -> Sequence[Turn]:
        """The newest ``limit`` turns, newest first. Only the newest version of a regenerated answer counts,
        and a continued answer is one turn."""
        ...

    async def clear(self, conversation_id: int) -> int:
        """Forget all turns of the conversation; returns how many there were."""
        ...
