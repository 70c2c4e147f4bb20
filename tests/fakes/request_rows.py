"""The rows of the queue in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from bot.domain.queue.fairness import Waiting
from bot.domain.queue.request import RequestKind, RequestState, StoredRequest


@dataclass(slots=True)
class Row:
    request: StoredRequest
    floor: float
    tag: float
    charge: float = 0.0
    clears: int = 0
    """How often its conversation had been cleared when it was asked."""

    @property
    def state(self) -> RequestState:
        return self.request.state

    @property
    def user_id(self) -> int:
        return self.request.question.asker.user_id

    def become(self, state: RequestState) -> None:
        self.request = replace(self.request, state=state)

    def forget_token(self) -> None:
        question = self.request.question
        destination = replace(question.destination, token=None, token_expires_at=None)
        self.request = replace(self.request, question=replace(question, destination=destination))


def is_anothers(row: Row, owner: str | None) -> bool:
    return owner is not None and row.request.lease_owner not in {None, owner}


def is_api(row: Row) -> bool:
    """Whether a program asked it."""
    return row.request.question.kind is RequestKind.API


def lane(row: Row) -> tuple[int, int]:
    return row.user_id, row.request.question.conversation_id


def as_waiting(rows: Iterable[Row]) -> list[Waiting]:
    return [
        Waiting(
            sequence=row.request.sequence,
            cost=row.request.question.cost,
            weight=row.request.question.weight,
            floor=row.floor,
            tag=row.tag,
            charge=row.charge,
        )
        for row in rows
    ]
