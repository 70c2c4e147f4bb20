"""What becomes of the questions of processes that have ended, and the leases by which one is known to live."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from sqlalchemy import Connection, and_, bindparam, func, null, or_, select, union_all, update

from bot.domain.queue.request import RequestState
from bot.domain.queue.store import Recovered
from bot.storage import queue, request_rows, transitions
from bot.storage.dialects import hold_queue, still_there
from bot.storage.tables import IS_ANSWERED, IS_HELD, IS_QUEUED, IS_RUNNING, is_api, requests

RECOVERED_LEASE = 60.0
"""Seconds for which a recovered answer is leased to the process that found it, until its heartbeat takes over."""

_OWNERS = union_all(
    select(requests.c.lease_owner, func.min(requests.c.lease_until).label("until"))
    .where(or_(IS_RUNNING, IS_ANSWERED), requests.c.lease_owner != bindparam("owner"))
    .group_by(requests.c.lease_owner),
    # What a program asked has an owner also while it waits, and no lease then.
    select(requests.c.lease_owner, null().label("until"))
    .where(IS_HELD, requests.c.lease_owner != bindparam("owner"))
    .group_by(requests.c.lease_owner),
)


def renew(connection: Connection, owner: str, running: Collection[str], now: float, lease: float) -> None:
    """See :meth:`bot.domain.queue.store.RequestStore.renew`."""
    extend = update(requests).where(requests.c.lease_owner == owner).values(lease_until=now + lease)
    connection.execute(extend.where(IS_ANSWERED))
    ids = list(running)
    for start in range(0, len(ids), request_rows.BATCH):
        connection.execute(
            extend.where(IS_RUNNING, requests.c.request_id.in_(ids[start : start + request_rows.BATCH]))
        )


def is_abandoned(connection: Connection, owner: str, now: float, is_alive: Callable[[str], bool]) -> bool:
    """Whether there is anything for :func:`recover`. Locks nothing and changes nothing."""
    owners = connection.execute(_OWNERS, {"owner": owner}).all()
    return any(one.until is not None and one.until < now for one in owners) or bool(
        _dead(connection, [one.lease_owner for one in owners], is_alive)
    )


def _dead(connection: Connection, owners: Sequence[str], is_alive: Callable[[str], bool]) -> list[str]:
    there = still_there(connection, owners)
    return [one for one in owners if one not in there and not is_alive(one)]


def recover(connection: Connection, owner: str, now: float, is_alive: Callable[[str], bool]) -> Recovered:
    """See :meth:`bot.domain.queue.store.RequestStore.recover`. Answers taken over are leased to ``owner``."""
    hold_queue(connection)
    owners = [one.lease_owner for one in connection.execute(_OWNERS, {"owner": owner})]
    dead = _dead(connection, owners, is_alive)
    transitions.refund_queued(
        connection,
        transitions.end(
            connection,
            and_(is_api(requests), or_(IS_QUEUED, IS_RUNNING), requests.c.lease_owner.in_(dead)),
            RequestState.CANCELLED,
            now,
        ),
    )
    abandoned = and_(
        requests.c.lease_owner != owner, or_(requests.c.lease_until < now, requests.c.lease_owner.in_(dead))
    )
    lost = connection.execute(
        select(requests.c.sequence, requests.c.request_id)
        .where(IS_RUNNING, abandoned)
        .order_by(requests.c.sequence)
        .with_for_update()
    ).all()
    queue.put_back(connection, [row.sequence for row in lost], now)
    undelivered = request_rows.stored(
        connection,
        update(requests)
        .where(IS_ANSWERED, abandoned)
        .values(lease_owner=owner, lease_until=now + RECOVERED_LEASE)
        .returning(requests),
    )
    return Recovered(
        requeued=tuple(row.request_id for row in lost),
        undelivered=tuple(sorted(undelivered, key=lambda one: one.sequence)),
    )
