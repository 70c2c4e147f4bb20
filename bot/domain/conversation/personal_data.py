"""The port to what the bot stores of people: changing, exporting and deleting it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain.conversation.summary import KeptSummary


@dataclass(frozen=True, slots=True)
class KeptQuestion:
    """A stored question, with its answer if it got one. Times in epoch seconds; ids are Discord's."""

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
    """How many records of a person were removed."""

    questions: int
    turns: int
    thumbs: int
    days: int


class PersonalDataStore(Protocol):
    """Personal data: what people wrote. Every change is one transaction; raises only :class:`StorageError`."""

    async def written_as(self, message_id: int) -> Sequence[str]:
        """The ids of the requests that came from this message of a person, oldest first."""
        ...

    async def reword(self, message_id: int, prompt: str) -> int:
        """Replace the question of an edited message by ``prompt``; returns how many requests changed."""
        ...

    async def forget_message(self, message_id: int) -> int:
        """Remove the question, the attached text and the turn of a message that its author deleted. The answer,
        which everybody saw, stays with the request. Returns how many requests changed."""
        ...

    async def exported(self, user_id: int) -> Sequence[KeptQuestion]:
        """Every stored question of a person, oldest first."""
        ...

    async def summaries_of(self, user_id: int) -> Sequence[KeptSummary]:
        """The summaries made of this person's turns alone: others would reveal what other people said."""
        ...

    async def forget_user(self, user_id: int, *, today: int) -> Forgotten:
        """Remove all that is stored of a person: questions, answers, turns, thumbs, usage, preferences, keys,
        schedules, help posts.

        What stays are amounts without content, which their quota and their share of the cluster need: the usage of
        the day ``today`` (of UTC, numbered from the epoch) without a name, and the account of the queue until that
        is empty. An answer that is being written for a removed question is not stored either.
        """
        ...

    async def scopes_kept(self) -> Sequence[tuple[int, tuple[int, ...]]]:
        """Every conversation with the scopes that its profile is inherited through, nearest first."""
        ...

    async def forget_amounts(self, *, today: int) -> None:
        """Remove the amounts that :meth:`forget_user` left of days before ``today``."""
        ...

    async def expire(self, conversation_id: int, *, before: float) -> int:
        """Remove a conversation's finished questions from before ``before``; returns how many."""
        ...
