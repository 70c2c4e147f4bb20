"""What is read of the queue in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from bot.domain.queue.request import (
    OPEN_STATES,
    QueueEntry,
    RequestState,
    StoredRequest,
)
from bot.domain.queue.store import (
    LEFT_TO_OTHERS,
    Holder,
)
from tests.fakes.request_rows import (
    Row,
    is_api,
)


class RowsRead:
    """What is read of the queue, in memory."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self._messages: dict[str, dict[int, int]] = {}

    async def get(self, request_id: str) -> StoredRequest | None:
        """The request, or None."""
        row = self._rows.get(request_id)
        return None if row is None else self._seen(row)

    async def by_message(self, message_id: int) -> StoredRequest | None:
        """The newest request shown in this message, or None."""
        shown = self._find(lambda row: message_id in self._seen(row).message_ids)
        return shown[-1] if shown else None

    async def tokens_ending(self, *, after: float, before: float) -> Sequence[str]:
        """The ids of waiting requests that only a token expiring between these moments can show."""
        destinations = {
            row.request.request_id: row.request.question.destination for row in self._in(RequestState.QUEUED)
        }
        ends = {
            request_id: destination.token_expires_at or 0.0
            for request_id, destination in destinations.items()
            if not destination.channel_route
        }
        return sorted((one for one in ends if after <= ends[one] <= before), key=ends.__getitem__)

    async def waiting_ids(self) -> Sequence[str]:
        """The ids of everything waiting, in the order it will be taken."""
        return [entry.request_id for entry in await self.queue()]

    async def oldest_waiting(self) -> tuple[str, float] | None:
        """The id of the question that waits for longest, and when it was asked; None when none waits."""
        asked = [(row.request.question.asked_at, row.request.request_id) for row in self._in(RequestState.QUEUED)]
        return (min(asked)[1], min(asked)[0]) if asked else None

    async def queue(self) -> Sequence[QueueEntry]:
        """Everything waiting, in the order it will be taken."""
        return [
            QueueEntry(
                request_id=row.request.request_id,
                position=position,
                asker=row.request.question.asker,
                conversation_id=row.request.question.conversation_id,
                channel_id=row.request.question.destination.channel_id,
                prompt=row.request.question.prompt,
                enqueued_at=row.request.enqueued_at,
                cost=row.request.question.cost,
            )
            for position, row in enumerate(self._ordered(), start=1)
        ]

    async def position(self, request_id: str) -> int | None:
        """The question's position in the queue, from 1; None when it does not wait."""
        return next((entry.position for entry in await self.queue() if entry.request_id == request_id), None)

    async def running_ids(self, owner: str) -> Sequence[str]:
        """The ids of what runs under ``owner``, oldest first."""
        return [one.request_id for one in await self.running() if one.lease_owner == owner]

    async def running(self) -> Sequence[StoredRequest]:
        """Everything running, oldest first."""
        found = self._find(lambda row: row.state is RequestState.RUNNING)
        return sorted(found, key=lambda one: (one.started_at or 0.0, one.sequence))

    async def holders(self, request_ids: Collection[str]) -> Mapping[str, Holder]:
        """In which state each of these requests is, and who holds it."""
        return {
            one: Holder(row.state, row.request.lease_owner)
            for one in request_ids
            if (row := self._rows.get(one)) is not None
        }

    async def of_user(self, user_id: int, states: Sequence[RequestState]) -> Sequence[StoredRequest]:
        """A person's requests in these states, oldest first."""
        return self._find(lambda row: row.user_id == user_id and row.state in states)

    async def versions(self, root_id: str) -> Sequence[StoredRequest]:
        """The request with this id and all later versions of it, oldest first."""
        return self._find(lambda row: root_id in (row.request.request_id, row.request.question.root_id))

    async def running_at(self, cluster: str) -> int:
        """How many requests run at this cluster, in any process."""
        return sum(row.request.cluster == cluster for row in self._in(RequestState.RUNNING))

    async def wanted(self) -> Mapping[str, str]:
        """Which cluster each waiting request is for."""
        waiting = {row.request.request_id: row.request.question for row in self._in(RequestState.QUEUED)}
        return {one: asked.wanted_cluster for one, asked in waiting.items() if asked.wanted_cluster is not None}

    async def counts(self) -> dict[RequestState, int]:
        """How many requests are queued, running and answered."""
        return {state: len(self._in(state)) for state in OPEN_STATES}

    def _seen(self, row: Row) -> StoredRequest:
        pages = self._messages.get(row.request.request_id, {})
        return replace(row.request, message_ids=tuple(pages[page] for page in sorted(pages)))

    def _find(self, wanted: Callable[[Row], bool]) -> list[StoredRequest]:
        return [self._seen(row) for row in self._rows.values() if wanted(row)]

    def _in(self, state: RequestState) -> list[Row]:
        return [row for row in self._rows.values() if row.state is state]

    def _ordered(self) -> list[Row]:
        return sorted(self._in(RequestState.QUEUED), key=lambda row: (row.tag, row.request.sequence))

    def _waiting_of(self, user_id: int) -> list[Row]:
        return [row for row in self._in(RequestState.QUEUED) if row.user_id == user_id]

    def _is_shown(self, row: Row, beginning: Collection[str], now: float) -> bool:
        request_id = row.request.request_id
        since = now - row.request.enqueued_at
        is_left = bool(self._messages.get(request_id)) or since > LEFT_TO_OTHERS
        return is_left or request_id in beginning or is_api(row)
