"""The border to whatever keeps people's words: changing, exporting and forgetting them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain.conversation.summary import KeptSummary


@dataclass(frozen=True, slots=True)
class KeptQuestion:
    """A question as it is kept, with its answer if it got one. Times in epoch seconds; ids are Discord's."""

    asked_at: float
    channel_id: int
    guild_id: int | None
    private: bool
    question: str
    attached_text: str
    answer: str | None
    reasoning: str | None
    model: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    state: str


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How much was removed of a person."""

    questions: int
    turns: int
    thumbs: int
    days: int


class PersonalDataStore(Protocol):
    """People's words. Every change is one transaction; raises only :class:`StorageError`."""

    async def written_as(self, message_id: int) -> Sequence[str]:
        """The ids of the requests that came from this message of a person, oldest first."""
        ...

    async def reword(self, message_id: int, prompt: str) -> int:
        """Somebody edited their message: what it asks is now ``prompt``. Returns how many requests changed."""
        ...

    async def forget_message(self, message_id: int) -> int:
        """Somebody deleted their message: its words, its material and its turn are gone; the answer that
        everybody saw stays with the request. Returns how many requests changed."""
        ...

    async def exported(self, user_id: int) -> Sequence[KeptQuestion]:
        """Everything kept of what a person asked, oldest first."""
        ...

    async def summaries_of(self, user_id: int) -> Sequence[KeptSummary]:
        """The summaries of conversations that were made of this person's turns alone: one that others had a part
        in tells what they said."""
        ...

    async def forget_user(self, user_id: int) -> Forgotten:
        """Remove what is kept of a person: questions, answers, turns, thumbs, usage, account, preferences.

        An answer that is being written for a removed question is not kept either.
        """
        ...

    async def scopes_kept(self) -> Sequence[tuple[int, tuple[int, ...]]]:
        """Every conversation with the scopes its profile is inherited through (none: asked before there were
        profiles)."""
        ...

    async def expire(self, conversation_id: int, *, before: float) -> int:
        """Remove what was asked in a conversation before ``before`` and is over; returns how many questions."""
        ...
