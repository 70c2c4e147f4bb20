"""The rows of the queue in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bot.domain.queue.fairness import Waiting
from bot.domain.queue.request import RequestState, StoredRequest
from bot.domain.queue.store import Place


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


def lane(row: Row) -> tuple[int, int]:
    return row.user_id, row.request.question.conversation_id


def may_go_to(row: Row, place: Place) -> bool:
    wanted = row.request.question.wanted_cluster
    return wanted in {None, place.cluster} or wanted not in place.configured


def next_of(rows: Sequence[Row], busy: Iterable[tuple[int, int]], place: Place) -> Row | None:
    """The first of ``rows``, in their order, that may go to the place and whose asker is not ``busy`` in its
    conversation, nor waits there for another cluster's answer to an earlier question."""
    kept = set(busy)
    for row in rows:
        if place.cluster and not may_go_to(row, place):
            kept.add(lane(row))
        elif lane(row) not in kept:
            return row
    return None


def running_elsewhere(running: Iterable[Row], owner: str, now: float, place: Place) -> int:
    """How many of those ``running`` do so at the place, under other owners whose leases last."""
    others = [row.request for row in running if row.request.lease_owner != owner]
    if place.cluster:
        others = [one for one in others if one.cluster == place.cluster]
    return sum(one.lease_until is not None and one.lease_until >= now for one in others)


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
