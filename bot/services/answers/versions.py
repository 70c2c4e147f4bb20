"""A question's answers: versions by Regenerate, each perhaps completed by Continue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.conversation.store import Turn
from bot.domain.queue.request import RequestKind, StoredRequest

CONTINUABLE = frozenset({"length", "stopped", "interrupted"})


@dataclass(frozen=True, slots=True)
class Version:
    """One version: the request that began it and those that went on with it, oldest first, all answered."""

    parts: tuple[StoredRequest, ...]

    @property
    def shown(self) -> StoredRequest:
        """The request whose receipt and buttons are shown under this version."""
        return self.parts[-1]

    @property
    def text(self) -> str:
        """The whole answer."""
        return "".join(part.answer.text for part in self.parts if part.answer is not None)

    @property
    def tokens(self) -> int:
        """How many tokens the cluster wrote for it."""
        return sum(part.answer.completion_tokens for part in self.parts if part.answer is not None)

    @property
    def reasoning(self) -> str:
        """What the model thought, over all parts."""
        thoughts = (part.answer.reasoning for part in self.parts if part.answer is not None)
        return "\n\n".join(thought for thought in thoughts if thought)


@dataclass(frozen=True, slots=True)
class AnswerVersions:
    """All requests of one question, and its versions, oldest first."""

    request_ids: frozenset[str]
    versions: tuple[Version, ...]

    @classmethod
    def of(cls, requests: Sequence[StoredRequest]) -> AnswerVersions:
        """Sort the requests of one question (oldest first, as the store gives them) into versions."""
        versions: list[list[StoredRequest]] = []
        for request in requests:
            if request.question.kind is not RequestKind.CONTINUE:
                versions.append([request])
            elif (version := _newest_answered(versions)) is not None:
                version.append(request)
        answered = ([part for part in parts if part.answer is not None] for parts in versions)
        return cls(
            frozenset(request.request_id for request in requests),
            tuple(Version(tuple(parts)) for parts in answered if parts),
        )

    def index(self, request_id: str) -> int | None:
        """The position (from 0) of the version this request is part of. For a request without an answer it is the
        newest version, which is shown in its place; None when there is none."""
        for index, version in enumerate(self.versions):
            if any(part.request_id == request_id for part in version.parts):
                return index
        return len(self.versions) - 1 if self.versions and request_id in self.request_ids else None

    def newest_turn(self) -> Turn | None:
        """The newest version as a turn of the conversation, to be continued."""
        if not self.versions:
            return None
        version = self.versions[-1]
        question, answer = version.shown.question, version.shown.answer
        if answer is None:
            return None
        return Turn(
            turn_id=0,
            request_id=version.shown.request_id,
            asker_id=question.asker.user_id,
            asker_name=question.asker.name,
            question=question.prompt,
            answer=version.text,
            finish=answer.finish,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            created_at=question.asked_at,
            attached_text=question.attached_text,
        )


def _newest_answered(versions: Sequence[list[StoredRequest]]) -> list[StoredRequest] | None:
    """The version that a continuation completes: the newest with an answer."""
    return next((parts for parts in reversed(versions) if any(part.answer for part in parts)), None)
