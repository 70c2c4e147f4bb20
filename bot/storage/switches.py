"""Model switches on the database: :class:`bot.domain.cluster.switch_steps.SwitchStore`."""

from __future__ import annotations

from sqlalchemy import Connection, Row, insert, select, update

from bot.domain.cluster.switch_steps import Step, Switch, SwitchState
from bot.storage.engine import Transactions
from bot.storage.tables import IS_OPEN, switches

_CURRENT = select(switches).where(IS_OPEN)


class SqlSwitches:
    """The contract of every method is :class:`SwitchStore`'s."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def open(self, switch: Switch) -> Switch:
        """Store ``switch`` as the open one, or return the one that is open already or has its id. Only one writer
        runs at a time, so reading and inserting are one step; the unique index guards this as well."""

        def begin(db: Connection) -> Switch:
            same = select(switches).where(switches.c.switch_id == switch.switch_id)
            row = db.execute(_CURRENT).first() or db.execute(same).first()
            if row is not None:
                return _switch(row)
            db.execute(insert(switches).values(switch_id=switch.switch_id, **_values(switch)))
            return switch

        return await self._transactions.write(begin)

    async def current(self) -> Switch | None:
        """The open switch, or None."""
        row = await self._transactions.read(lambda db: db.execute(_CURRENT).first())
        return None if row is None else _switch(row)

    async def get(self, switch_id: str) -> Switch | None:
        """The switch with this id, or None."""
        wanted = select(switches).where(switches.c.switch_id == switch_id)
        row = await self._transactions.read(lambda db: db.execute(wanted).first())
        return None if row is None else _switch(row)

    async def last_claimed(self) -> Switch | None:
        """The switch whose init was claimed last."""
        newest = select(switches).where(switches.c.claimed_at.is_not(None)).order_by(switches.c.claimed_at.desc())
        row = await self._transactions.read(lambda db: db.execute(newest.limit(1)).first())
        return None if row is None else _switch(row)

    async def claim_init(self, switch_id: str, *, now: float) -> bool:
        """Claim the right to send this switch's only init: True exactly once, in one process."""
        claim = (
            update(switches)
            .where(switches.c.switch_id == switch_id, IS_OPEN, switches.c.claimed_at.is_(None))
            .values(claimed_at=now)
        )
        return await self._transactions.write(lambda db: db.execute(claim).rowcount == 1)

    async def save(self, switch: Switch) -> bool:
        """Store the progress of a switch; returns False and changes nothing when it has ended meanwhile."""
        values = _values(switch)
        # Only claim_init sets this: an older copy of the switch must not undo the claim.
        del values["claimed_at"]
        kept = update(switches).where(switches.c.switch_id == switch.switch_id, IS_OPEN).values(**values)
        return await self._transactions.write(lambda db: db.execute(kept).rowcount == 1)


def _values(switch: Switch) -> dict[str, object]:
    return {
        "state": switch.state.value,
        "model": switch.model,
        "nodes": switch.nodes,
        "local_network": switch.local_network,
        "previous_model": switch.previous_model,
        "previous_nodes": switch.previous_nodes,
        "by": switch.by,
        "started_at": switch.started_at,
        "step": switch.step.value,
        "step_since": switch.step_since,
        "claimed_at": switch.claimed_at,
        "initialised": switch.initialised,
        "drained": switch.drained,
        "workers": switch.workers,
        "paused_before": switch.paused_before,
        "finished_at": switch.finished_at,
    }


def _switch(row: Row[tuple[object, ...]]) -> Switch:
    return Switch(
        switch_id=row.switch_id,
        model=row.model,
        nodes=row.nodes,
        local_network=row.local_network,
        previous_model=row.previous_model,
        previous_nodes=row.previous_nodes,
        by=row.by,
        started_at=row.started_at,
        state=SwitchState(row.state),
        step=Step(row.step),
        step_since=row.step_since,
        claimed_at=row.claimed_at,
        initialised=row.initialised,
        drained=row.drained,
        workers=row.workers,
        paused_before=row.paused_before,
        finished_at=row.finished_at,
    )
