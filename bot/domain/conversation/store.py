"""The port to the store of conversations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ConversationKey:
    """The memory that a question belongs to: a channel (or thread, or DM), or one person's private answers in it.

    ``private_to`` keeps private answers out of the channel's memory: what one person asked in private must not
    come back in front of others.
    """

    channel_id: int
    guild_id: int | None = None
    private_to: int | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One question with its answer. Pairs are kept whole. ``attached_text`` came with the question."""

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
    attached_text: str = ""


class ConversationStore(Protocol):
    """Conversations and their turns. Raises only :class:`StorageError`."""

    async def conversation(self, key: ConversationKey, scopes: Sequence[int] = ()) -> int:
        """The id of the conversation for ``key``, which is created when there is none.

        A thread that was started from a question or its answer inherits their branch. ``scopes`` are the scopes
        that its profile is inherited through, nearest first; they are stored for the retention of its turns.
        """
        ...

    async def find(self, key: ConversationKey) -> int | None:
        """The id of the conversation for ``key``, or None."""
        ...

    async def recent_turns(
        self, conversation_id: int, *, limit: int, follows: str | None = None
    ) -> Sequence[Turn]:
        """The newest ``limit`` turns, newest first. Only the newest version of a regenerated answer counts,
        and a continued answer is one turn.

        With ``follows``, the turns of that branch: the question with this root id, the questions that it followed,
        and everything before the first of them. An unknown or forgotten root means the newest.
        """
        ...

    async def clear(self, conversation_id: int) -> int:
        """Forget all turns of the conversation; returns how many there were. Questions that were asked before and
        are answered later become no turns."""
        ...
