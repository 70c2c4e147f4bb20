"""The rows of the queue in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bot.domain.queue.fairness import Waiting
from bot.domain.queue.request import RequestKind, RequestState, StoredRequest
from bot.domain.queue.store import ClaimTerms, Place, RequestStore


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

    def claimed(self, owner: str, place: Place, *, now: float, until: float) -> None:
        self.request = replace(
            self.request,
            state=RequestState.RUNNING,
            attempts=self.request.attempts + 1,
            started_at=now,
            lease_owner=owner,
            lease_until=until,
            cluster=place.cluster,
        )

    def put_back(self) -> None:
        held_by = self.request.lease_owner if is_api(self) else None
        self.request = replace(self.request, started_at=None, lease_owner=held_by, lease_until=None, cluster=None)
        self.become(RequestState.QUEUED)

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


def may_go_to(row: Row, place: Place) -> bool:
    wanted, cost = row.request.question.wanted_cluster, row.request.question.cost
    return wanted == place.cluster or (wanted not in place.configured and cost <= place.most_cost)


def next_of(rows: Sequence[Row], busy: Iterable[tuple[int, int]], place: Place, owner: str) -> Row | None:
    """The first of ``rows``, in their order, that may go to the place and whose asker is not ``busy`` in its
    conversation, nor waits there for another cluster's answer to an earlier question. What a program asked is for
    the ``owner`` that has its connection."""
    kept = set(busy)
    for row in rows:
        if is_anothers(row, owner):
            continue
        if place.cluster and not may_go_to(row, place):
            kept |= set() if is_api(row) else {lane(row)}
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


async def claimed_by(store: RequestStore, terms: ClaimTerms | None) -> StoredRequest | None:
    """What ``store`` lets be claimed by these terms; None also without any."""
    if terms is None:
        return None
    return await store.claim(
        terms.owner,
        now=terms.now,
        lease=terms.lease,
        room=terms.room,
        beginning=terms.beginning,
        place=terms.place,
    )
