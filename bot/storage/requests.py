"""The queue's store on the database: :class:`bot.domain.queue.store.RequestStore`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, tuple_

from bot.domain.conversation.store import ConversationKey
from bot.domain.queue.request import (
    OPEN_STATES,
    Answer,
    Asker,
    NewQuestion,
    QueueEntry,
    RequestKind,
    RequestState,
    StoredRequest,
    Used,
)
from bot.domain.queue.store import (
    THE_ONLY_ONE,
    Admission,
    ClaimTerms,
    Holder,
    Joined,
    Place,
    QueueLimits,
    QueuePause,
    Recovered,
)
from bot.storage import queue, recovery, request_rows, transitions
from bot.storage.claim import claim, join_and_claim
from bot.storage.engine import Transactions
from bot.storage.statements import unasked
from bot.storage.tables import IS_ANSWERED, IS_QUEUED, IS_RUNNING, in_state, request_messages, requests


class SqlRequests:
    """Requests in the database. The contract of every method is :class:`RequestStore`'s."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def enqueue(self, question: NewQuestion, limits: QueueLimits) -> StoredRequest:
        """Add the question to the queue; it is durable when this returns."""
        return await self._transactions.write(
            lambda connection: queue.enqueue(connection, question, limits), brief=True
        )

    async def join(
        self,
        question: NewQuestion,
        key: ConversationKey,
        scopes: Sequence[int],
        admission: Admission,
        claim: ClaimTerms | None = None,
    ) -> Joined | None:
        """Add the question to the queue and to its conversation; it is durable when this returns."""
        # A program's request ends with its connection, and so with the machine.
        lasting = question.kind is not RequestKind.API
        if claim is None:
            return await self._transactions.write(
                lambda connection: queue.join(connection, question, key, scopes, admission),
                brief=True,
                lasting=lasting,
            )
        return await self._transactions.write(
            lambda connection: join_and_claim(connection, question, key, scopes, admission, claim),
            brief=True,
            lasting=lasting,
        )

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
        """Take the next question in fair order; None also while the queue or the cluster is paused."""
        return await self._transactions.write(
            lambda connection: claim(connection, owner, now(), lease, room, excluding, beginning, place),
            urgent=True,
            brief=True,
            lasting=False,  # a start lets what was claimed wait again
        )

    async def renew(self, owner: str, running: Collection[str], *, now: Callable[[], float], lease: float) -> None:
        """Extend the leases of ``owner`` on ``running`` and on answers not yet shown."""
        await self._transactions.write(lambda connection: recovery.renew(connection, owner, running, now(), lease))

    async def release(self, request_id: str, owner: str, *, now: float) -> bool:
        """Put a running question back at the head of the queue."""
        return await self._transactions.write(
            lambda connection: transitions.release(connection, request_id, owner, now)
        )

    async def mark_answered(
        self, request_id: str, owner: str, answer: Answer, *, now: float, started_at: float | None = None
    ) -> bool:
        """Commit the answer, its turn, the asker's account and the state together."""
        return await self._transactions.write(
            lambda connection: transitions.mark_answered(connection, request_id, owner, answer, now, started_at),
            urgent=True,
            brief=True,
        )

    async def mark_delivered(self, request_id: str, *, now: float) -> bool:
        """Change the state ``answered → delivered``."""
        return await self._transactions.write(
            lambda connection: transitions.mark_delivered(connection, request_id, now), brief=True
        )

    async def mark_failed(self, request_id: str, error_key: str, *, now: float, owner: str | None = None) -> bool:
        """Change the state ``queued | running | answered → failed``."""
        return await self._transactions.write(
            lambda connection: transitions.mark_failed(connection, request_id, error_key, now, owner)
        )

    async def mark_cancelled(
        self, request_id: str, *, now: float, used: Used | None = None, owner: str | None = None
    ) -> bool:
        """Change the state ``queued | running → cancelled``, and count what was used."""
        return await self._transactions.write(
            lambda connection: transitions.mark_cancelled(connection, request_id, now, used, owner)
        )

    async def clear(self, *, now: float) -> Sequence[StoredRequest]:
        """Cancel everything that waits. The rows returned still carry their tokens, as in :meth:`expire`."""
        return await self._transactions.write(lambda connection: transitions.clear(connection, now))

    async def expire(self, *, before: float, now: float) -> Sequence[StoredRequest]:
        """Mark what has waited since before ``before`` as expired. The rows returned still carry their tokens,
        which the database has forgotten: the last edit needs them."""
        return await self._transactions.write(lambda connection: transitions.expire(connection, before, now))

    async def recover(self, owner: str, *, now: Callable[[], float], is_alive: Callable[[str], bool]) -> Recovered:
        """Take over what other processes do not hold any more."""
        # Usually there is nothing: that must cost no write, and hold nobody up.
        if not await self._transactions.read(
            lambda connection: recovery.is_abandoned(connection, owner, now(), is_alive)
        ):
            return Recovered((), ())
        return await self._transactions.write(
            lambda connection: recovery.recover(connection, owner, now(), is_alive)
        )

    async def get(self, request_id: str) -> StoredRequest | None:
        """The request, or None."""
        return await self._transactions.read(lambda connection: request_rows.by_id(connection, request_id))

    async def by_message(self, message_id: int) -> StoredRequest | None:
        """The newest request shown in this message, or None."""
        newest = (
            select(requests)
            .join(request_messages, request_messages.c.request_id == requests.c.request_id)
            .where(request_messages.c.message_id == message_id)
            .order_by(requests.c.sequence.desc())
            .limit(1)
        )
        found = await self._transactions.read(lambda connection: request_rows.stored(connection, newest))
        return found[0] if found else None

    async def attach_message(self, request_id: str, page: int, message_id: int) -> None:
        """Remember that page ``page`` of the answer is this message."""

        def attach(connection: Connection) -> None:
            connection.execute(unasked(_DETACH), {"request": request_id, "at": page})
            connection.execute(_ATTACH, {"request_id": request_id, "page": page, "message_id": message_id})

        await self._transactions.write(attach, brief=True)

    async def detach_message(self, request_id: str, page: int) -> None:
        """Forget which message page ``page`` of the answer is."""
        gone = {"request": request_id, "at": page}
        await self._transactions.write(lambda connection: connection.execute(_DETACH, gone).rowcount)

    async def tokens_ending(self, *, after: float, before: float) -> Sequence[str]:
        """The ids of waiting requests that only a token expiring between these moments can show."""
        ending = (
            select(requests.c.request_id)
            .where(IS_QUEUED, ~requests.c.channel_route, requests.c.token_expires_at.between(after, before))
            .order_by(requests.c.token_expires_at)
        )
        return await self._transactions.read(lambda connection: connection.scalars(ending).all())

    async def queue(self) -> Sequence[QueueEntry]:
        """Everything waiting, in the order it will be taken."""
        return await self._transactions.read(_waiting)

    async def waiting_ids(self) -> Sequence[str]:
        """The ids of everything waiting, in the order it will be taken."""
        return await self._transactions.read(lambda connection: connection.scalars(_WAITING_IDS).all())

    async def oldest_waiting(self) -> tuple[str, float] | None:
        """The id of the question that waits for longest, and when it was asked; None when none waits."""
        row = await self._transactions.read(lambda connection: connection.execute(_OLDEST_WAITING).first())
        return None if row is None else (row.request_id, row.asked_at)

    async def position(self, request_id: str) -> int | None:
        """The question's position in the queue, from 1; None when it does not wait."""
        return await self._transactions.read(
            lambda connection: connection.scalar(_POSITION, {"request": request_id})
        )

    async def running_ids(self, owner: str) -> Sequence[str]:
        """The ids of what runs under ``owner``, oldest first."""
        return await self._transactions.read(
            lambda connection: connection.scalars(_RUNNING_IDS, {"owner": owner}).all()
        )

    async def running(self) -> Sequence[StoredRequest]:
        """Everything running, oldest first."""
        oldest_first = select(requests).where(IS_RUNNING).order_by(requests.c.started_at, requests.c.sequence)
        return await self._transactions.read(lambda connection: request_rows.stored(connection, oldest_first))

    async def holders(self, request_ids: Collection[str]) -> Mapping[str, Holder]:
        """In which state each of these requests is, and who holds it."""
        ids = list(request_ids)
        return await self._transactions.read(
            lambda connection: {
                row.request_id: Holder(RequestState(row.state), row.lease_owner)
                for row in connection.execute(_HOLDERS, {"ids": ids})
            }
        )

    async def of_user(self, user_id: int, states: Sequence[RequestState]) -> Sequence[StoredRequest]:
        """A person's requests in these states, oldest first."""
        theirs = (
            select(requests)
            .where(requests.c.user_id == user_id, requests.c.state.in_([one.value for one in states]))
            .order_by(requests.c.sequence)
        )
        return await self._transactions.read(lambda connection: request_rows.stored(connection, theirs))

    async def versions(self, root_id: str) -> Sequence[StoredRequest]:
        """The request with this id and all later versions of it, oldest first."""
        family = (
            select(requests)
            .where(or_(requests.c.request_id == root_id, requests.c.root_id == root_id))
            .order_by(requests.c.sequence)
        )
        return await self._transactions.read(lambda connection: request_rows.stored(connection, family))

    async def counts(self) -> dict[RequestState, int]:
        """How many requests are queued, running and answered."""
        numbers = await self._transactions.read(lambda connection: tuple(connection.execute(_COUNTS).one()))
        return dict(zip(OPEN_STATES, numbers, strict=True))

    async def running_at(self, cluster: str) -> int:
        """How many requests run at this cluster, in any process."""
        return await self._transactions.read(
            lambda connection: connection.scalar(_RUNNING_AT, {"cluster": cluster}) or 0
        )

    async def wanted(self) -> Mapping[str, str]:
        """Which cluster each waiting request is for, by its id; without those that any may answer."""
        return await self._transactions.read(
            lambda connection: {row.request_id: row.wanted_cluster for row in connection.execute(_WANTED)}
        )

    async def pause(self, pause: QueuePause | None, cluster: str = "") -> None:
        """Pause the queue or one cluster, or resume it with None."""
        await self._transactions.write(lambda connection: queue.set_pause(connection, pause, cluster))

    async def pauses(self) -> Mapping[str, QueuePause]:
        """The current pauses by cluster, that of the whole queue under the empty name."""
        return await self._transactions.read(queue.pauses)

    async def paused(self) -> QueuePause | None:
        """The pause of the whole queue; None when it moves."""
        return (await self.pauses()).get("")


# Statements that every question needs are built once: building costs more than running.

_COUNTS = select(
    *(
        select(func.count()).select_from(requests).where(condition).scalar_subquery()
        for condition in (IS_QUEUED, IS_RUNNING, IS_ANSWERED)
    )
)

_ATTACH = unasked(insert(request_messages))

_DETACH = delete(request_messages).where(
    request_messages.c.request_id == bindparam("request"), request_messages.c.page == bindparam("at")
)

_HOLDERS = select(requests.c.request_id, requests.c.state, requests.c.lease_owner).where(
    requests.c.request_id.in_(bindparam("ids", expanding=True))
)

_WAITING = (
    select(
        requests.c.request_id,
        requests.c.user_id,
        requests.c.user_name,
        requests.c.locale,
        requests.c.conversation_id,
        requests.c.channel_id,
        requests.c.prompt,
        requests.c.enqueued_at,
        requests.c.cost,
    )
    .where(IS_QUEUED)
    .order_by(requests.c.start_tag, requests.c.sequence)
)

_WAITING_IDS = select(requests.c.request_id).where(IS_QUEUED).order_by(requests.c.start_tag, requests.c.sequence)

_OLDEST_WAITING = (
    select(requests.c.request_id, requests.c.asked_at)
    .where(IS_QUEUED)
    .order_by(requests.c.asked_at, requests.c.sequence)
    .limit(1)
)

_RUNNING_IDS = (
    select(requests.c.request_id)
    .where(IS_RUNNING, requests.c.lease_owner == bindparam("owner"))
    .order_by(requests.c.started_at, requests.c.sequence)
)

_RUNNING_AT = (
    select(func.count()).select_from(requests).where(IS_RUNNING, requests.c.cluster == bindparam("cluster"))
)

_WANTED = select(requests.c.request_id, requests.c.wanted_cluster).where(
    IS_QUEUED, requests.c.wanted_cluster.is_not(None)
)

_this = requests.alias("this")

_POSITION = (
    select(
        select(func.count())
        .select_from(requests)
        .where(
            IS_QUEUED,
            tuple_(requests.c.start_tag, requests.c.sequence) <= tuple_(_this.c.start_tag, _this.c.sequence),
        )
        .scalar_subquery()
    )
    .select_from(_this)
    .where(_this.c.request_id == bindparam("request"), in_state(_this, RequestState.QUEUED))
)


def _waiting(connection: Connection) -> list[QueueEntry]:
    return [
        QueueEntry(
            row.request_id,
            position,
            Asker(row.user_id, row.user_name, row.locale),
            row.conversation_id,
            row.channel_id,
            row.prompt,
            row.enqueued_at,
            row.cost,
        )
        for position, row in enumerate(connection.execute(_WAITING), start=1)
    ]
