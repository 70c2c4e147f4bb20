"""The transaction that takes the next question out of the queue, for one of the clusters.

Nobody is overtaken by a question behind theirs that could only have gone where theirs could have gone too: for a
cluster, the first in fair order is taken that may go there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    bindparam,
    exists,
    false,
    func,
    or_,
    select,
    update,
)

from bot.domain.conversation.store import ConversationKey
from bot.domain.queue import fairness
from bot.domain.queue.request import NewQuestion, RequestState, StoredRequest
from bot.domain.queue.store import LEFT_TO_OTHERS, THE_ONLY_ONE, Admission, ClaimTerms, Joined, Place
from bot.storage import queue, request_rows
from bot.storage.cluster_tables import cluster_pauses
from bot.storage.dialects import hold_queue, queue_changed
from bot.storage.statements import unasked
from bot.storage.tables import (
    IS_QUEUED,
    IS_RUNNING,
    accounts,
    in_state,
    is_api,
    line_state,
    request_messages,
    requests,
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

_own = requests.alias("own")


def _may_go_there(rows: FromClause) -> ColumnElement[bool]:
    """The condition that ``rows`` may be answered by the cluster ``cluster``, of those that are ``configured``."""
    # Never NULL, because the condition is negated as well.
    wanted = func.coalesce(rows.c.wanted_cluster, "")
    any_may = wanted.not_in(bindparam("configured", expanding=True))
    return or_(wanted == bindparam("cluster"), and_(any_may, rows.c.cost <= bindparam("most_cost")))


_WAITS_FOR_OTHER = exists().where(
    in_state(_own, RequestState.QUEUED),
    _own.c.user_id == requests.c.user_id,
    _own.c.conversation_id == requests.c.conversation_id,
    _own.c.sequence < requests.c.sequence,
    ~is_api(_own),
    ~_may_go_there(_own),
)
"""Whether its asker asked something earlier in the same conversation that only another cluster may answer: the
answers of a conversation come in its order."""


def _choice(*, some_aside: bool, has_others: bool, is_named: bool) -> Select[Any]:
    """What is claimed next: ``some_aside`` when questions are set aside, ``has_others`` when there are other
    processes, ``is_named`` when clusters have names, so that questions may want one of them."""
    chosen = _NEXT
    if some_aside:
        chosen = chosen.where(~_SET_ASIDE)
    if has_others:
        chosen = chosen.where(_IS_SHOWN)
    if is_named:
        chosen = chosen.where(_may_go_there(requests), ~_WAITS_FOR_OTHER)
    there = _ELSEWHERE.where(requests.c.cluster == bindparam("cluster")) if is_named else _ELSEWHERE
    rests = exists().where(cluster_pauses.c.cluster == bindparam("cluster")) if is_named else false()
    return chosen.add_columns(there.scalar_subquery().label("elsewhere"), rests.label("rests"))


_CHOICES = {
    (some_aside, has_others, is_named): _choice(some_aside=some_aside, has_others=has_others, is_named=is_named)
    for some_aside, has_others, is_named in product((False, True), repeat=3)
}

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
        cluster=bindparam("at"),
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


def claim(
    connection: Connection,
    owner: str,
    now: float,
    lease: float,
    room: int | None,
    excluding: Collection[str] = (),
    beginning: Collection[str] | None = None,
    place: Place = THE_ONLY_ONE,
) -> StoredRequest | None:
    """See :meth:`bot.domain.queue.store.RequestStore.claim`. None also while all or the cluster is paused."""
    hold_queue(connection)
    looks: dict[str, object] = {"owner": owner, "now": now}
    is_named = bool(place.cluster)
    if is_named:
        looks |= {"cluster": place.cluster, "configured": list(place.configured), "most_cost": place.most_cost}
    if excluding:
        looks["excluding"] = list(excluding)
    if beginning is not None:
        looks |= {"begun": now - LEFT_TO_OTHERS, "beginning": list(beginning)}
    choice = _CHOICES[bool(excluding), beginning is not None, is_named]
    chosen = connection.execute(choice, looks).first()
    if chosen is None or chosen.paused_since is not None or chosen.rests:
        return None
    if room is not None and chosen.elsewhere >= room:
        return None
    paid = chosen.charge or fairness.charge(chosen.cost, chosen.weight)
    claimed = request_rows.stored(
        connection,
        _TAKE,
        {
            "taken": chosen.sequence,
            "now": now,
            "owner": owner,
            "until": now + lease,
            "paid": paid,
            "at": place.cluster,
        },
        have_pages=chosen.has_pages,
    )[0]
    if not chosen.charge:
        finish = fairness.start_tag(chosen.floor_tag, chosen.account) + paid
        if chosen.account is None:
            connection.execute(queue.OPEN_ACCOUNT, {"user_id": chosen.user_id, "finish": finish})
        else:
            connection.execute(queue.SET_ACCOUNT, {"user": chosen.user_id, "to": finish})
        if chosen.overtakes:
            queue.retag(connection, chosen.user_id, finish)
    _advance(connection, chosen.virtual_time, chosen.start_tag)
    # Whoever shows it as waiting lets go of it.
    queue_changed(connection)
    return claimed


def join_and_claim(
    connection: Connection,
    question: NewQuestion,
    key: ConversationKey,
    scopes: Sequence[int],
    admission: Admission,
    terms: ClaimTerms,
) -> Joined | None:
    """See :meth:`bot.domain.queue.store.RequestStore.join`, with ``claim``."""
    joined = queue.join(connection, question, key, scopes, admission)
    if joined is None or joined.position is None:
        return joined
    claimed = claim(
        connection,
        terms.owner,
        terms.now(),
        terms.lease,
        terms.room,
        beginning=terms.beginning,
        place=terms.place,
    )
    return replace(joined, claimed=claimed)


def _advance(connection: Connection, virtual_time: float, claimed_tag: float) -> None:
    if fairness.advanced(virtual_time, claimed_tag) == virtual_time:
        return  # the accounts of people being served can only hold it back further
    settled = connection.execute(_SETTLED).scalar()
    advanced = fairness.advanced(virtual_time, claimed_tag, () if settled is None else (settled,))
    if advanced != virtual_time:
        connection.execute(_ADVANCE, {"to": advanced})
