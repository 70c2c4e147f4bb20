"""The queue in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from bot.domain.conversation.store import ConversationKey
from bot.domain.queue import fairness
from bot.domain.queue.request import (
    OPEN_STATES,
    Answer,
    NewQuestion,
    RequestKind,
    RequestState,
    StoredRequest,
    Used,
)
from bot.domain.queue.store import (
    THE_ONLY_ONE,
    Admission,
    ClaimTerms,
    Joined,
    Place,
    QueueLimits,
    QueuePause,
    Recovered,
)
from tests.fakes.conversations import MemoryConversations
from tests.fakes.request_rows import (
    Row,
    as_waiting,
    claimed_by,
    is_anothers,
    is_api,
    lane,
    next_of,
    running_elsewhere,
)
from tests.fakes.rows_read import RowsRead

_RECOVERED_LEASE = 60.0


class MemoryRequests(RowsRead):
    """A :class:`bot.domain.queue.store.RequestStore` that forgets everything with the process."""

    def __init__(self, conversations: MemoryConversations | None = None) -> None:
        super().__init__()
        self._conversations = conversations or MemoryConversations()
        self._accounts: dict[int, float] = {}
        self._virtual_time = 0.0
        self._pauses: dict[str, QueuePause] = {}

    async def enqueue(self, question: NewQuestion, limits: QueueLimits) -> StoredRequest:
        """Add the question to the queue."""
        known = self._rows.get(question.request_id)
        if known is not None:
            return self._seen(known)
        user_id = question.asker.user_id
        mine = self._waiting_of(user_id)
        waiting = self._in(RequestState.QUEUED)
        alike = [row for row in mine if is_api(row) == (question.kind is RequestKind.API)]
        limits.require_room(total=len(waiting), mine=len(alike))
        if not waiting and not self._in(RequestState.RUNNING):
            self._virtual_time = fairness.caught_up(self._virtual_time, self._accounts.values())
            self._accounts.clear()
        request = StoredRequest(
            question,
            RequestState.QUEUED,
            sequence=len(self._rows) + 1,
            enqueued_at=question.asked_at,
            lease_owner=question.held_by,
        )
        clears = self._conversations.clears(question.conversation_id)
        self._rows[question.request_id] = Row(
            request, floor=self._virtual_time, tag=self._virtual_time, clears=clears
        )
        self._retag(user_id)
        return request

    async def join(
        self,
        question: NewQuestion,
        key: ConversationKey,
        scopes: Sequence[int],
        admission: Admission,
        claim: ClaimTerms | None = None,
    ) -> Joined | None:
        """Add the question to the queue and to its conversation. Nobody has used anything, and no profile is ever
        changed."""
        known = question.request_id in self._rows
        conversation_id = await self._conversations.conversation(key, scopes)
        stored = await self.enqueue(replace(question, conversation_id=conversation_id), admission.limits)
        if known:
            return Joined(stored, None)
        position = await self.position(question.request_id)
        return Joined(stored, position, await claimed_by(self, claim))

    async def claim(
        self,
        owner: str,
        *,
        now: Callable[[], float],
        lease: float,
        room: int | None = None,
        excluding: Collection[str] = (),
        beginning: Collection[str] | None = None,
        place: Place = THE_ONLY_ONE,
    ) -> StoredRequest | None:
        """Take the next question in fair order."""
        if room is not None and running_elsewhere(self._in(RequestState.RUNNING), owner, now(), place) >= room:
            return None
        busy = {lane(row) for row in self._in(RequestState.RUNNING) if not is_api(row)}
        busy |= {lane(self._rows[one]) for one in excluding if one in self._rows}
        shown = [row for row in self._ordered() if beginning is None or self._is_shown(row, beginning, now())]
        row = next_of(shown, busy, place, owner)
        if row is None or self._pauses.keys() & {"", place.cluster}:
            return None
        row.claimed(owner, place, now=now(), until=now() + lease)
        tag = row.tag
        if not row.charge:
            row.charge = fairness.charge(row.request.question.cost, row.request.question.weight)
            account = self._accounts.get(row.user_id)
            self._accounts[row.user_id] = fairness.start_tag(row.floor, account) + row.charge
            self._retag(row.user_id)
        self._virtual_time = fairness.advanced(self._virtual_time, tag, self._settled_accounts())
        return self._seen(row)

    def _settled_accounts(self) -> list[float]:
        running = self._in(RequestState.RUNNING)
        return [
            self._accounts[user_id] - sum(row.charge for row in running if row.user_id == user_id)
            for user_id in {row.user_id for row in running}
        ]

    async def renew(self, owner: str, running: Collection[str], *, now: Callable[[], float], lease: float) -> None:
        """Extend the leases of ``owner`` on ``running`` and on answers not yet shown."""
        for row in self._rows.values():
            is_kept = row.state is RequestState.ANSWERED or row.request.request_id in running
            if row.request.lease_owner == owner and is_kept:
                row.request = replace(row.request, lease_until=now() + lease)

    async def release(self, request_id: str, owner: str, *, now: float) -> bool:
        """Put a running question back at the head of the queue."""
        row = self._held(request_id, owner)
        if row is not None:
            row.put_back()
        return row is not None

    async def mark_answered(
        self, request_id: str, owner: str, answer: Answer, *, now: float, started_at: float | None = None
    ) -> bool:
        """Store the answer, its turn and the state; settle the asker's account."""
        row = self._held(request_id, owner)
        if row is None:
            return False
        question = row.request.question
        cost = fairness.work(answer.prompt_tokens or 0, answer.completion_tokens)
        if answer.prompt_tokens is None:
            cost = max(question.cost, cost)
        measured = fairness.charge(cost, question.weight)
        started_at = row.request.started_at if started_at is None else started_at
        row.request = replace(
            row.request, state=RequestState.ANSWERED, answer=answer, started_at=started_at, finished_at=now
        )
        self._settle(row, measured)
        if (
            answer.text.strip()
            and question.kind not in {RequestKind.API, RequestKind.SUMMARY}
            and row.clears == self._conversations.clears(question.conversation_id)
        ):
            self._conversations.remember(question, answer, now=now)
        return True

    async def mark_delivered(self, request_id: str, *, now: float) -> bool:
        """Change the state ``answered → delivered``."""
        row = self._rows.get(request_id)
        if row is None or row.state is not RequestState.ANSWERED:
            return False
        row.request = replace(row.request, lease_owner=None, lease_until=None)
        row.become(RequestState.DELIVERED)
        row.forget_token()
        return True

    async def mark_failed(self, request_id: str, error_key: str, *, now: float, owner: str | None = None) -> bool:
        """Change the state ``queued | running | answered → failed``."""
        row = self._rows.get(request_id)
        if row is None or row.state not in OPEN_STATES or is_anothers(row, owner):
            return False
        refunded = row.state is not RequestState.ANSWERED
        row.request = replace(row.request, error_key=error_key)
        self._end(row, RequestState.FAILED, now, refunded=refunded)
        return True

    async def mark_cancelled(
        self, request_id: str, *, now: float, used: Used | None = None, owner: str | None = None
    ) -> bool:
        """Change the state ``queued | running → cancelled``, and charge what was used."""
        row = self._rows.get(request_id)
        if row is None or row.state not in (RequestState.QUEUED, RequestState.RUNNING) or is_anothers(row, owner):
            return False
        if used is not None and row.state is RequestState.RUNNING:
            work = fairness.work(used.prompt_tokens, used.completion_tokens)
            self._settle(row, max(row.charge, fairness.charge(work, row.request.question.weight)))
        self._end(row, RequestState.CANCELLED, now, refunded=row.state is RequestState.QUEUED)
        return True

    async def clear(self, *, now: float) -> Sequence[StoredRequest]:
        """Cancel everything that waits; the rows returned still carry their tokens."""
        return self._ended(self._in(RequestState.QUEUED), RequestState.CANCELLED, now)

    async def expire(self, *, before: float, now: float) -> Sequence[StoredRequest]:
        """Mark what has waited since before ``before`` as expired; the rows returned still carry their tokens."""
        old = [row for row in self._in(RequestState.QUEUED) if row.request.enqueued_at < before]
        return self._ended(old, RequestState.EXPIRED, now)

    def _ended(self, rows: Iterable[Row], state: RequestState, now: float) -> list[StoredRequest]:
        ended = []
        for row in list(rows):
            ended.append(replace(self._seen(row), state=state, finished_at=now))
            self._end(row, state, now, refunded=True)
        return ended

    async def recover(self, owner: str, *, now: Callable[[], float], is_alive: Callable[[str], bool]) -> Recovered:
        """Take over what other processes do not hold any more."""

        def abandoned(row: Row) -> bool:
            until, holder = row.request.lease_until, row.request.lease_owner
            if holder is None or holder == owner:
                return False
            return not is_alive(holder) or (until is not None and until < now())

        for row in (*self._in(RequestState.RUNNING), *self._in(RequestState.QUEUED)):
            if is_api(row) and row.request.lease_owner not in {None, owner} and abandoned(row):
                self._end(row, RequestState.CANCELLED, now(), refunded=row.state is RequestState.QUEUED)
        lost = [row for row in self._in(RequestState.RUNNING) if abandoned(row)]
        for row in lost:
            row.put_back()
        undelivered = [row for row in self._in(RequestState.ANSWERED) if abandoned(row)]
        for row in undelivered:
            row.request = replace(row.request, lease_owner=owner, lease_until=now() + _RECOVERED_LEASE)
        return Recovered(
            requeued=tuple(row.request.request_id for row in lost),
            undelivered=tuple(self._seen(row) for row in undelivered),
        )

    async def attach_message(self, request_id: str, page: int, message_id: int) -> None:
        """Remember that page ``page`` of the answer is this message."""
        self._messages.setdefault(request_id, {})[page] = message_id

    async def detach_message(self, request_id: str, page: int) -> None:
        """Forget which message page ``page`` of the answer is."""
        self._messages.get(request_id, {}).pop(page, None)

    async def pause(self, pause: QueuePause | None, cluster: str = "") -> None:
        """Pause the queue or one cluster, or resume it with None."""
        self._pauses.pop(cluster, None)
        if pause is not None:
            self._pauses[cluster] = pause

    async def pauses(self) -> Mapping[str, QueuePause]:
        """The current pauses by cluster."""
        return dict(self._pauses)

    async def paused(self) -> QueuePause | None:
        """The pause of the whole queue."""
        return self._pauses.get("")

    def _held(self, request_id: str, owner: str) -> Row | None:
        row = self._rows.get(request_id)
        if row is None or row.state is not RequestState.RUNNING or row.request.lease_owner != owner:
            return None
        return row

    def _end(self, row: Row, state: RequestState, now: float, *, refunded: bool) -> None:
        row.request = replace(row.request, finished_at=now, lease_owner=None, lease_until=None)
        row.become(state)
        row.forget_token()
        if refunded:
            self._settle(row, 0.0)

    def _settle(self, row: Row, measured: float) -> None:
        if row.user_id in self._accounts:
            finish = self._accounts[row.user_id]
            self._accounts[row.user_id] = fairness.settled(finish, row.charge, measured)
        row.charge = measured
        self._retag(row.user_id)

    def _retag(self, user_id: int) -> None:
        rows = {row.request.sequence: row for row in self._waiting_of(user_id)}
        for sequence, tag in fairness.chain(self._accounts.get(user_id), as_waiting(rows.values())).items():
            rows[sequence].tag = tag
