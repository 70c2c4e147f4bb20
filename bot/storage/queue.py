"""Transactions on the queue: joining it, taking the next question, putting one back.

Each function is the inside of one transaction (:meth:`bot.storage.engine.Transactions.write`). The invariants are
described in :mod:`bot.domain.queue.fairness`; a row's ``charge`` is what its asker's account paid for it.

Changes of the queue happen one after another: SQLite has only one writer, and each function that decides by what
it reads calls :func:`bot.storage.dialects.hold_queue` first, which locks the row of ``line_state`` on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Boolean, Connection, Row, bindparam, case, delete, exists, func, insert, or_, select, update

from bot.domain.conversation.store import ConversationKey
from bot.domain.queue import fairness
from bot.domain.queue.fairness import Waiting
from bot.domain.queue.request import NewQuestion, RequestKind, RequestState, StoredRequest
from bot.domain.queue.store import LEFT_TO_OTHERS, Admission, Joined, QueueLimits, QueuePause
from bot.storage import request_rows
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
    in_state,
    is_api,
    line_state,
    request_messages,
    requests,
    usage,
)

_running = requests.alias("running")
_earlier = requests.alias("earlier")
_aside = requests.alias("aside")

_BLOCKED = exists().where(
    in_state(_running, RequestState.RUNNING),
    _running.c.user_id == requests.c.user_id,
    _running.c.conversation_id == requests.c.conversation_id,
    ~is_api(_running),
)

_IS_OURS = or_(requests.c.lease_owner.is_(None), requests.c.lease_owner == bindparam("owner"))
"""Of what waits: no program asked it, or one that is connected to the process ``owner``."""

_OVERTAKES = exists().where(
    in_state(_earlier, RequestState.QUEUED),
    _earlier.c.user_id == requests.c.user_id,
    _earlier.c.sequence < requests.c.sequence,
    _earlier.c.charge == 0,
)

_ELSEWHERE = (
    select(func.count())
    .select_from(requests)
    .where(
        IS_RUNNING,
        requests.c.lease_owner != bindparam("owner"),
        requests.c.lease_until >= bindparam("now"),
    )
)
"""How many questions run under other owners than ``owner`` that live, or did so a moment ago."""

# With what decides about the queue as a whole: each statement is a trip to the server.
_NEXT = (
    select(
        select(line_state.c.virtual_time).scalar_subquery().label("virtual_time"),
        select(line_state.c.paused_since).scalar_subquery().label("paused_since"),
        _ELSEWHERE.scalar_subquery().label("elsewhere"),
        requests.c.sequence,
        requests.c.user_id,
        requests.c.start_tag,
        requests.c.floor_tag,
        requests.c.cost,
        requests.c.weight,
        requests.c.charge,
        select(accounts.c.finish)
        .where(accounts.c.user_id == requests.c.user_id)
        .scalar_subquery()
        .label("account"),
        _OVERTAKES.label("overtakes"),
        exists().where(request_messages.c.request_id == requests.c.request_id).label("has_pages"),
    )
    .where(IS_QUEUED, ~_BLOCKED, _IS_OURS)
    .order_by(requests.c.start_tag, requests.c.sequence)
    .limit(1)
    .with_for_update(of=requests, skip_locked=True)
)

_SET_ASIDE = exists().where(
    _aside.c.request_id.in_(bindparam("excluding", expanding=True)),
    _aside.c.user_id == requests.c.user_id,
    _aside.c.conversation_id == requests.c.conversation_id,
)

_IS_SHOWN = or_(
    exists().where(request_messages.c.request_id == requests.c.request_id),
    requests.c.enqueued_at < bindparam("begun"),
    requests.c.request_id.in_(bindparam("beginning", expanding=True)),
    is_api(requests),
)

_CHOICES = {
    (False, False): _NEXT,
    (True, False): _NEXT.where(~_SET_ASIDE),
    (False, True): _NEXT.where(_IS_SHOWN),
    (True, True): _NEXT.where(~_SET_ASIDE, _IS_SHOWN),
}
"""What is claimed next; whether some are set aside, and whether there are other processes."""

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

_USED = select(func.sum(usage.c.tokens)).where(
    usage.c.user_id == bindparam("user"), usage.c.day == bindparam("day")
)

_JOIN = insert(requests).returning(requests.c.sequence)

_UP_TO = select(func.count()).select_from(requests).where(IS_QUEUED, requests.c.start_tag <= bindparam("tag"))
"""The position of what joined last with ``tag``."""

_TAKE = (
    update(requests)
    .where(requests.c.sequence == bindparam("taken"))
    .values(
        state=RequestState.RUNNING.value,
        attempts=requests.c.attempts + 1,
        changed_at=bindparam("now"),
        started_at=bindparam("now"),
        lease_owner=bindparam("owner"),
        lease_until=bindparam("until"),
        charge=bindparam("paid"),
    )
    .returning(requests)
)

_runs = select(requests.c.user_id, func.sum(requests.c.charge).label("charged")).where(IS_RUNNING)
_runs_of = _runs.group_by(requests.c.user_id).subquery()

_SETTLED = select(func.min(accounts.c.finish - _runs_of.c.charged)).join(
    _runs_of, _runs_of.c.user_id == accounts.c.user_id
)

_ADVANCE = unasked(update(line_state).values(virtual_time=bindparam("to")))

_ACCOUNT = select(accounts.c.finish).where(accounts.c.user_id == bindparam("user"))
_SET_ACCOUNT = unasked(
    update(accounts).where(accounts.c.user_id == bindparam("user")).values(finish=bindparam("to"))
)
_OPEN_ACCOUNT = unasked(insert(accounts))

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
    return Joined(stored, connection.scalar(_UP_TO, {"tag": tag}))


def _tags(connection: Connection, found: Row[Any]) -> tuple[float, float]:
    """The floor and the start tag of a question that joins now; ``found`` is a row of :data:`_JOINING`."""
    floor, finish = found.virtual_time, found.account if found.behind is None else found.behind
    if not found.total and not found.busy:
        floor, finish = _start_level(connection, found.virtual_time), None
    return floor, fairness.start_tag(floor, finish)


def claim(
    connection: Connection,
    owner: str,
    now: float,
    lease: float,
    room: int | None,
    excluding: Collection[str] = (),
    beginning: Collection[str] | None = None,
) -> StoredRequest | None:
    """See :meth:`bot.domain.queue.store.RequestStore.claim`. None also while the queue is paused."""
    hold_queue(connection)
    looks: dict[str, object] = {"owner": owner, "now": now}
    if excluding:
        looks["excluding"] = list(excluding)
    if beginning is not None:
        looks |= {"begun": now - LEFT_TO_OTHERS, "beginning": list(beginning)}
    chosen = connection.execute(_CHOICES[bool(excluding), beginning is not None], looks).first()
    if chosen is None or chosen.paused_since is not None or (room is not None and chosen.elsewhere >= room):
        return None
    paid = chosen.charge or fairness.charge(chosen.cost, chosen.weight)
    claimed = request_rows.stored(
        connection,
        _TAKE,
        {"taken": chosen.sequence, "now": now, "owner": owner, "until": now + lease, "paid": paid},
        have_pages=chosen.has_pages,
    )[0]
    if not chosen.charge:
        finish = fairness.start_tag(chosen.floor_tag, chosen.account) + paid
        if chosen.account is None:
            connection.execute(_OPEN_ACCOUNT, {"user_id": chosen.user_id, "finish": finish})
        else:
            connection.execute(_SET_ACCOUNT, {"user": chosen.user_id, "to": finish})
        if chosen.overtakes:
            _retag(connection, chosen.user_id, finish)
    _advance(connection, chosen.virtual_time, chosen.start_tag)
    # Whoever shows it as waiting lets go of it.
    queue_changed(connection)
    return claimed


def _advance(connection: Connection, virtual_time: float, claimed_tag: float) -> None:
    if fairness.advanced(virtual_time, claimed_tag) == virtual_time:
        return  # the accounts of people being served can only hold it back further
    settled = connection.execute(_SETTLED).scalar()
    advanced = fairness.advanced(virtual_time, claimed_tag, () if settled is None else (settled,))
    if advanced != virtual_time:
        connection.execute(_ADVANCE, {"to": advanced})


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
            )
        )


def settle(connection: Connection, user_id: int, *, charged: float, measured: float) -> None:
    """Correct a person's account from ``charged`` to ``measured`` (virtual time), and their questions' tags."""
    finish = connection.execute(_ACCOUNT, {"user": user_id}).scalar()
    if finish is not None and charged != measured:
        finish = fairness.settled(finish, charged, measured)
        connection.execute(_SET_ACCOUNT, {"user": user_id, "to": finish})
    _retag(connection, user_id, finish)


def _retag(connection: Connection, user_id: int, finish: float | None) -> None:
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


def set_pause(connection: Connection, pause: QueuePause | None) -> None:
    """See :meth:`bot.domain.queue.store.RequestStore.pause`."""
    queue_changed(connection)
    connection.execute(
        update(line_state).values(
            pause_reason=pause and pause.reason,
            paused_by=pause and pause.by,
            paused_since=pause and pause.since,
        )
    )


def paused(connection: Connection) -> QueuePause | None:
    """See :meth:`bot.domain.queue.store.RequestStore.paused`."""
    row = connection.execute(select(line_state)).one()
    if row.paused_since is None:
        return None
    return QueuePause(reason=row.pause_reason, by=row.paused_by, since=row.paused_since)


def _start_level(connection: Connection, virtual_time: float) -> float:
    """Let everybody begin level, as nothing waits or runs; returns the new virtual time."""
    finishes = connection.execute(select(accounts.c.finish)).scalars().all()
    level = fairness.caught_up(virtual_time, finishes)
    if finishes:
        connection.execute(delete(accounts))
        connection.execute(update(line_state).values(virtual_time=level))
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
