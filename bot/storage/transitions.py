"""Transactions that end a run or a wait: answered, delivered, failed, cancelled, expired, recovered.

Each function is the inside of one transaction, and holds the queue where it decides by what it reads
(:func:`bot.storage.dialects.hold_queue`). Final states forget the interaction's token, which is kept apart
until the end is shown (:mod:`bot.storage.unshown_ends`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    func,
    insert,
    or_,
    select,
    true,
    update,
)

from bot.domain.queue import fairness
from bot.domain.queue.request import Answer, RequestKind, RequestState, StoredRequest, Used
from bot.domain.queue.usage import DAY
from bot.storage import queue, request_rows, unshown_ends
from bot.storage.dialects import hold_queue, queue_changed
from bot.storage.statements import unasked
from bot.storage.summaries import drop_made_of
from bot.storage.tables import (
    IS_ANSWERED,
    IS_QUEUED,
    IS_RUNNING,
    conversations,
    requests,
    turns,
    usage,
)

_NO_TURNS = frozenset({RequestKind.API, RequestKind.SUMMARY})
"""What becomes no turn: programs send what they remember themselves, and a summary is of what people said."""
_FORGET_PLAN = update(requests).where(requests.c.kind == RequestKind.SUMMARY.value).values(material="")
"""What people wrote in a channel is kept as long as its summary is not done."""
_FORGET_TOKEN = {"token": None, "token_expires_at": None}
_NO_LEASE = {"lease_owner": None, "lease_until": None}


@dataclass(frozen=True, slots=True)
class Held:
    """The columns of a running question that its end needs."""

    sequence: int
    request_id: str
    root_id: str | None
    kind: str
    conversation_id: int
    user_id: int
    user_name: str
    prompt: str
    material: str
    cost: float
    weight: float
    charge: float
    guild_id: int | None
    asked_at: float
    started_at: float | None
    follows: str | None
    is_cleared: bool


_IS_CLEARED = (
    select(requests.c.sequence <= func.coalesce(conversations.c.cleared_upto, 0))
    .where(conversations.c.id == requests.c.conversation_id)
    .scalar_subquery()
    .label("is_cleared")
)

_ENDING = (
    select(*(requests.c[field.name] for field in fields(Held) if field.name != "is_cleared"), _IS_CLEARED)
    .where(requests.c.request_id == bindparam("request"), IS_RUNNING)
    .with_for_update(of=requests)
)
_HELD = _ENDING.where(requests.c.lease_owner == bindparam("owner"))

_NEW_TURN = unasked(insert(turns))
_NEW_USAGE = unasked(insert(usage))

_ADD_USAGE = (
    update(usage)
    .where(
        usage.c.guild_id == bindparam("guild"),
        usage.c.day == bindparam("at_day"),
        usage.c.user_id == bindparam("user"),
    )
    .values(
        user_name=bindparam("name"),
        questions=usage.c.questions + 1,
        tokens=usage.c.tokens + bindparam("added"),
        waited=usage.c.waited + bindparam("wait"),
    )
)

_ANSWER = unasked(
    update(requests)
    .where(requests.c.sequence == bindparam("row"))
    .values(
        {
            "state": RequestState.ANSWERED.value,
            "started_at": bindparam("started"),
            "finished_at": bindparam("now"),
            "changed_at": bindparam("now"),
            "charge": bindparam("measured"),
            **{column: bindparam(column) for column in request_rows.ANSWER_COLUMNS},
        }
    )
)

_DELIVERED = (
    update(requests)
    .where(requests.c.request_id == bindparam("request"), IS_ANSWERED)
    .values(state=RequestState.DELIVERED.value, changed_at=bindparam("now"), **_FORGET_TOKEN, **_NO_LEASE)
)


def release(connection: Connection, request_id: str, owner: str, now: float) -> bool:
    """See :meth:`bot.domain.queue.store.RequestStore.release`."""
    hold_queue(connection)
    row = held(connection, request_id, owner)
    if row is None:
        return False
    queue.put_back(connection, [row.sequence], now)
    return True


def mark_answered(
    connection: Connection,
    request_id: str,
    owner: str,
    answer: Answer,
    now: float,
    started_at: float | None = None,
) -> bool:
    """See :meth:`bot.domain.queue.store.RequestStore.mark_answered`."""
    hold_queue(connection)
    row = held(connection, request_id, owner)
    if row is None:
        return False
    if started_at is not None:
        row = replace(row, started_at=started_at)
    measured = fairness.charge(_measured(answer, row.cost), row.weight)
    times = {"now": now, "started": row.started_at}
    connection.execute(
        _ANSWER, {"row": row.sequence, "measured": measured, **times, **request_rows.answer_values(answer)}
    )
    queue.settle(connection, row.user_id, charged=row.charge, measured=measured)
    queue_changed(connection)
    count(connection, row, (answer.prompt_tokens or 0) + answer.completion_tokens, now)
    # The question is empty when its message was deleted meanwhile.
    if answer.text.strip() and row.prompt and not row.is_cleared and row.kind not in _NO_TURNS:
        _remember(connection, row, answer, now)
    if row.kind == RequestKind.SUMMARY:
        connection.execute(_FORGET_PLAN.where(requests.c.sequence == row.sequence))
    return True


def mark_delivered(connection: Connection, request_id: str, now: float) -> bool:
    """See :meth:`bot.domain.queue.store.RequestStore.mark_delivered`."""
    return connection.execute(_DELIVERED, {"request": request_id, "now": now}).rowcount > 0


def mark_failed(
    connection: Connection, request_id: str, error_key: str, now: float, owner: str | None = None
) -> bool:
    """See :meth:`bot.domain.queue.store.RequestStore.mark_failed`. The charge is returned unless the request was
    answered: a failure is not the asker's fault."""
    hold_queue(connection)
    open_state = or_(IS_QUEUED, and_(or_(IS_RUNNING, IS_ANSWERED), _held_by(owner)))
    ended = end(connection, and_(requests.c.request_id == request_id, open_state), RequestState.FAILED, now)
    if not ended:
        return False
    connection.execute(update(requests).where(requests.c.request_id == request_id).values(error_key=error_key))
    _refund(connection, [one for one in ended if one.state is not RequestState.ANSWERED])
    return True


def mark_cancelled(
    connection: Connection, request_id: str, now: float, used: Used | None = None, owner: str | None = None
) -> bool:
    """See :meth:`bot.domain.queue.store.RequestStore.mark_cancelled`. A waiting question gets its charge back; one
    that ran is charged at least the estimate, because it took a slot that others waited for."""
    hold_queue(connection)
    open_state = or_(IS_QUEUED, and_(IS_RUNNING, _held_by(owner)))
    if used is not None:
        _charge_used(connection, request_id, used, now, owner)
    ended = end(connection, and_(requests.c.request_id == request_id, open_state), RequestState.CANCELLED, now)
    refund_queued(connection, ended)
    return bool(ended)


def clear(connection: Connection, now: float) -> Sequence[StoredRequest]:
    """See :meth:`bot.domain.queue.store.RequestStore.clear`."""
    hold_queue(connection)
    ended = end(connection, IS_QUEUED, RequestState.CANCELLED, now)
    _refund(connection, ended)
    return [replace(one, state=RequestState.CANCELLED, finished_at=now) for one in ended]


def expire(connection: Connection, before: float, now: float) -> Sequence[StoredRequest]:
    """See :meth:`bot.domain.queue.store.RequestStore.expire`."""
    hold_queue(connection)
    ended = end(connection, and_(IS_QUEUED, requests.c.enqueued_at < before), RequestState.EXPIRED, now)
    _refund(connection, ended)
    return [replace(one, state=RequestState.EXPIRED, finished_at=now) for one in ended]


def held(connection: Connection, request_id: str, owner: str) -> Held | None:
    """The question that runs under ``owner``, locked; None when it does not."""
    row = connection.execute(_HELD, {"request": request_id, "owner": owner}).mappings().first()
    return None if row is None else Held(**row)


def _measured(answer: Answer, estimate: float) -> float:
    """The cost of the answer. Without a count of the prompt's tokens it is the estimate, or the cost of the answer
    alone if that is higher."""
    if answer.prompt_tokens is None:
        return max(estimate, fairness.work(0, answer.completion_tokens))
    return fairness.work(answer.prompt_tokens, answer.completion_tokens)


def end(
    connection: Connection, condition: ColumnElement[bool], state: RequestState, now: float
) -> list[StoredRequest]:
    """Move the rows that meet ``condition`` to the final ``state``; returns them as they were before."""
    ended = request_rows.stored(
        connection, select(requests).where(condition).order_by(requests.c.sequence).with_for_update()
    )
    if ended:
        queue_changed(connection)
        unshown_ends.remember(connection, condition, now)
        if any(one.question.kind is RequestKind.SUMMARY for one in ended):
            connection.execute(_FORGET_PLAN.where(condition))
        connection.execute(
            update(requests)
            .where(condition)
            .values(state=state.value, changed_at=now, finished_at=now, **_FORGET_TOKEN, **_NO_LEASE)
        )
    return ended


def refund_queued(connection: Connection, ended: Sequence[StoredRequest]) -> None:
    """As :func:`_refund`, of what had not begun: the others took a slot that somebody waited for."""
    _refund(connection, [one for one in ended if one.state is RequestState.QUEUED])


def _refund(connection: Connection, ended: Sequence[StoredRequest]) -> None:
    """Return the charges of ended requests, and close the gaps that they leave in their askers' tags."""
    sequences = [request.sequence for request in ended]
    for start in range(0, len(sequences), request_rows.BATCH):
        these = requests.c.sequence.in_(sequences[start : start + request_rows.BATCH])
        charges = connection.execute(
            select(requests.c.user_id, func.sum(requests.c.charge)).where(these).group_by(requests.c.user_id)
        ).all()
        for user_id, charged in charges:
            queue.settle(connection, user_id, charged=charged, measured=0.0)
        connection.execute(update(requests).where(these).values(charge=0.0))


def _held_by(owner: str | None) -> ColumnElement[bool]:
    return true() if owner is None else requests.c.lease_owner == owner


def _charge_used(connection: Connection, request_id: str, used: Used, now: float, owner: str | None) -> None:
    """Count what a running question has used that ends without an answer."""
    statement = _ENDING if owner is None else _HELD
    found = connection.execute(statement, {"request": request_id, "owner": owner}).mappings().first()
    if found is None:
        return
    row = Held(**found)
    work = fairness.work(used.prompt_tokens, used.completion_tokens)
    measured = max(row.charge, fairness.charge(work, row.weight))
    connection.execute(update(requests).where(requests.c.sequence == row.sequence).values(charge=measured))
    queue.settle(connection, row.user_id, charged=row.charge, measured=measured)
    count(connection, row, used.total, now)


def count(connection: Connection, row: Held, tokens: int, now: float) -> None:
    """Add a question that used ``tokens`` to its asker's usage of today."""
    guild_id, day = row.guild_id or 0, int(now // DAY)
    waited = max(0.0, (row.started_at or row.asked_at) - row.asked_at)
    more = {"guild": guild_id, "at_day": day, "user": row.user_id, "name": row.user_name}
    if not connection.execute(_ADD_USAGE, {**more, "added": tokens, "wait": waited}).rowcount:
        connection.execute(
            _NEW_USAGE,
            {
                "guild_id": guild_id,
                "day": day,
                "user_id": row.user_id,
                "user_name": row.user_name,
                "questions": 1,
                "tokens": tokens,
                "waited": waited,
            },
        )


def _remember(connection: Connection, row: Held, answer: Answer, now: float) -> None:
    """Store the answer in the conversation's memory: one turn per question, for all its versions.

    A turn that was cleared meanwhile comes back with a new version, but not with the continuation of a forgotten
    answer.
    """
    kind = RequestKind(row.kind)
    root_id = row.root_id or row.request_id
    new: dict[str, object] = {
        "request_id": row.request_id,
        "answer": answer.text,
        "finish": answer.finish,
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
    }
    if kind is RequestKind.CONTINUE:
        del new["prompt_tokens"]
        new["answer"] = turns.c.answer + answer.text
        new["completion_tokens"] = turns.c.completion_tokens + answer.completion_tokens
    if kind is not RequestKind.ASK:
        drop_made_of(connection, select(turns.c.id).where(turns.c.root_id == root_id))
        changed = connection.execute(update(turns).where(turns.c.root_id == root_id).values(**new))
        if changed.rowcount or kind is RequestKind.CONTINUE:
            return
    connection.execute(
        _NEW_TURN,
        {
            **new,
            "conversation_id": row.conversation_id,
            "root_id": root_id,
            "asker_id": row.user_id,
            "asker_name": row.user_name,
            "question": row.prompt,
            "material": row.material,
            "created_at": now,
            "follows": row.follows,
        },
    )
