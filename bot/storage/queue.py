"""Transactions on the queue: joining it, putting a question back, pausing.

Each function is the inside of one transaction (:meth:`bot.storage.engine.Transactions.write`). The invariants are
described in :mod:`bot.domain.queue.fairness`; a row's ``charge`` is what its asker's account paid for it.

Changes of the queue happen one after another: SQLite has only one writer, and each function that decides by what
it reads calls :func:`bot.storage.dialects.hold_queue` first, which locks the row of ``line_state`` on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Boolean, Connection, Row, bindparam, case, delete, exists, func, insert, select, update

from bot.domain.conversation.store import ConversationKey
from bot.domain.queue import fairness
from bot.domain.queue.fairness import Waiting
from bot.domain.queue.request import NewQuestion, RequestKind, RequestState, StoredRequest
from bot.domain.queue.store import Admission, Joined, QueueLimits, QueuePause
from bot.storage import request_rows
from bot.storage.cluster_tables import cluster_pauses
from bot.storage.conversations import made, private_to, scopes_text
from bot.storage.dialects import hold_queue, queue_changed
from bot.storage.profiles import VERSION
from bot.storage.statements import unasked
from bot.storage.tables import (
    IS_QUEUED,
    IS_RUNNING,
    accounts,
    conversations,
    facts,
    is_api,
    line_state,
    requests,
    usage,
)

# Statements that run between a question and the first word of its answer are built once, because building them
# costs more than running them. One that would change nothing is left out: each costs a trip to the connection's
# thread.

_MINE = (IS_QUEUED, requests.c.user_id == bindparam("user"))

_IS_ALIKE = is_api(requests) == bindparam("is_api", type_=Boolean)
"""Of somebody's questions: those that count against the same limit."""

_JOINING = select(
    line_state.c.virtual_time,
    select(func.count()).select_from(requests).where(IS_QUEUED).scalar_subquery().label("total"),
    select(func.count()).select_from(requests).where(*_MINE, _IS_ALIKE).scalar_subquery().label("mine"),
    exists().where(IS_RUNNING).label("busy"),
    exists().where(requests.c.request_id == bindparam("request")).label("known"),
    select(func.max(requests.c.start_tag + requests.c.cost / requests.c.weight))
    .where(*_MINE, requests.c.charge == 0)
    .scalar_subquery()
    .label("behind"),
    select(accounts.c.finish).where(accounts.c.user_id == bindparam("user")).scalar_subquery().label("account"),
    select(func.max(accounts.c.finish)).scalar_subquery().label("furthest"),
)

_place = (
    conversations.c.channel_id == bindparam("channel"),
    conversations.c.private_to == bindparam("private_to"),
)

_JOINING_THERE = _JOINING.add_columns(
    select(conversations.c.id).where(*_place).scalar_subquery().label("conversation"),
    select(conversations.c.scopes).where(*_place).scalar_subquery().label("scopes"),
    select(facts.c.value).where(facts.c.key == VERSION).scalar_subquery().label("profiles"),
)

_LEVEL_VIRTUAL_TIME = unasked(update(line_state).values(virtual_time=bindparam("to")))
_CLOSE_ACCOUNTS = unasked(delete(accounts))

_USED = select(func.sum(usage.c.tokens)).where(
    usage.c.user_id == bindparam("user"), usage.c.day == bindparam("day")
)

_JOIN = insert(requests).returning(requests.c.sequence)

_UP_TO = select(func.count()).select_from(requests).where(IS_QUEUED, requests.c.start_tag <= bindparam("tag"))
"""The position of what joined last with ``tag``."""

_ACCOUNT = select(accounts.c.finish).where(accounts.c.user_id == bindparam("user"))
SET_ACCOUNT = unasked(
    update(accounts).where(accounts.c.user_id == bindparam("user")).values(finish=bindparam("to"))
)
OPEN_ACCOUNT = unasked(insert(accounts))

_WAITING = select(
    requests.c.sequence,
    requests.c.cost,
    requests.c.weight,
    requests.c.floor_tag,
    requests.c.start_tag,
    requests.c.charge,
).where(*_MINE)

_RETAG = update(requests).where(requests.c.sequence == bindparam("at")).values(start_tag=bindparam("tag"))


def enqueue(connection: Connection, question: NewQuestion, limits: QueueLimits) -> StoredRequest:
    """See :meth:`bot.domain.queue.store.RequestStore.enqueue`."""
    hold_queue(connection)
    found = connection.execute(
        _JOINING,
        {
            "user": question.asker.user_id,
            "request": question.request_id,
            "is_api": question.kind is RequestKind.API,
        },
    ).one()
    if found.known:
        return request_rows.stored(connection, request_rows.BY_ID, {"request": question.request_id})[0]
    limits.require_room(total=found.total, mine=found.mine)
    return _insert(connection, question, *_tags(connection, found))


def join(
    connection: Connection,
    question: NewQuestion,
    key: ConversationKey,
    scopes: Sequence[int],
    admission: Admission,
) -> Joined | None:
    """See :meth:`bot.domain.queue.store.RequestStore.join`."""
    hold_queue(connection)
    user, text = question.asker.user_id, scopes_text(scopes)
    found = connection.execute(
        _JOINING_THERE,
        {
            "user": user,
            "request": question.request_id,
            "is_api": question.kind is RequestKind.API,
            "channel": key.channel_id,
            "private_to": private_to(key),
        },
    ).one()
    if found.known:
        known = request_rows.stored(connection, request_rows.BY_ID, {"request": question.request_id})[0]
        return Joined(known, None)
    if admission.profiles is not None and admission.profiles != (found.profiles or ""):
        return None
    if (quota := admission.quota) is not None:
        quota.require_left(user, connection.scalar(_USED, {"user": user, "day": quota.day}) or 0)
    admission.limits.require_room(total=found.total, mine=found.mine)
    conversation_id = found.conversation
    if conversation_id is None or text not in {None, found.scopes}:
        conversation_id = made(connection, key, text)
    floor, tag = _tags(connection, found)
    stored = _insert(connection, replace(question, conversation_id=conversation_id), floor, tag)
    return Joined(stored, connection.scalar(_UP_TO, {"tag": tag}) if found.total else 1)


def _tags(connection: Connection, found: Row[Any]) -> tuple[float, float]:
    """The floor and the start tag of a question that joins now; ``found`` is a row of :data:`_JOINING`."""
    floor, finish = found.virtual_time, found.account if found.behind is None else found.behind
    if not found.total and not found.busy:
        floor, finish = _start_level(connection, found.virtual_time, found.furthest), None
    return floor, fairness.start_tag(floor, finish)


def put_back(connection: Connection, sequences: Collection[int], now: float) -> None:
    """Let running questions wait again. They keep their tag and stay charged, so they lead the queue."""
    queue_changed(connection)
    for sequence in sequences:
        connection.execute(
            update(requests)
            .where(requests.c.sequence == sequence)
            .values(
                state=RequestState.QUEUED.value,
                changed_at=now,
                started_at=None,
                # What a program asked waits for the process that has its connection.
                lease_owner=case((is_api(requests), requests.c.lease_owner), else_=None),
                lease_until=None,
                cluster=None,
            )
        )


def settle(connection: Connection, user_id: int, *, charged: float, measured: float) -> None:
    """Correct a person's account from ``charged`` to ``measured`` (virtual time), and their questions' tags."""
    finish = connection.execute(_ACCOUNT, {"user": user_id}).scalar()
    if finish is not None and charged != measured:
        finish = fairness.settled(finish, charged, measured)
        connection.execute(SET_ACCOUNT, {"user": user_id, "to": finish})
    retag(connection, user_id, finish)


def retag(connection: Connection, user_id: int, finish: float | None) -> None:
    """Recompute the tags of this person's waiting questions from the account."""
    waiting = [Waiting(*row) for row in connection.execute(_WAITING, {"user": user_id})]
    tags = fairness.chain(finish, waiting)
    changed = [
        {"at": entry.sequence, "tag": tags[entry.sequence]}
        for entry in waiting
        if tags[entry.sequence] != entry.tag
    ]
    if changed:
        connection.execute(_RETAG, changed)


def set_pause(connection: Connection, pause: QueuePause | None, cluster: str) -> None:
    """See :meth:`bot.domain.queue.store.RequestStore.pause`."""
    queue_changed(connection)
    values = {
        "pause_reason": pause and pause.reason,
        "paused_by": pause and pause.by,
        "paused_since": pause and pause.since,
    }
    if not cluster:
        connection.execute(update(line_state).values(values))
        return
    connection.execute(delete(cluster_pauses).where(cluster_pauses.c.cluster == cluster))
    if pause is not None:
        connection.execute(insert(cluster_pauses).values(cluster=cluster, **values))


def pauses(connection: Connection) -> dict[str, QueuePause]:
    """See :meth:`bot.domain.queue.store.RequestStore.pauses`."""
    whole = connection.execute(select(line_state)).one()
    found = {row.cluster: _pause(row) for row in connection.execute(select(cluster_pauses))}
    return found if whole.paused_since is None else {**found, "": _pause(whole)}


def _pause(row: Row[Any]) -> QueuePause:
    return QueuePause(reason=row.pause_reason, by=row.paused_by, since=row.paused_since)


def _start_level(connection: Connection, virtual_time: float, furthest: float | None) -> float:
    """Let everybody begin level, as nothing waits or runs; returns the new virtual time. ``furthest`` is the
    account that is furthest ahead, None when there are none."""
    if furthest is None:
        return fairness.caught_up(virtual_time, ())
    level = fairness.caught_up(virtual_time, (furthest,))
    connection.execute(_CLOSE_ACCOUNTS)
    connection.execute(_LEVEL_VIRTUAL_TIME, {"to": level})
    return level


def _insert(connection: Connection, question: NewQuestion, floor: float, tag: float) -> StoredRequest:
    sequence = connection.execute(
        _JOIN,
        {
            **request_rows.question_values(question),
            "state": RequestState.QUEUED.value,
            "floor_tag": floor,
            "start_tag": tag,
            "charge": 0.0,
            "attempts": 0,
            "enqueued_at": question.asked_at,
            "changed_at": question.asked_at,
        },
    ).scalar_one()
    queue_changed(connection)
    return StoredRequest(question, RequestState.QUEUED, sequence, enqueued_at=question.asked_at)
