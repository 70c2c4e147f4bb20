"""Model switches on the database: :class:`bot.domain.cluster.switch_steps.SwitchStore`."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import Connection, Select, insert, select, update

from bot.domain.cluster.switch_steps import Step, Switch, SwitchState
from bot.storage.cluster_tables import IS_OPEN, switches
from bot.storage.engine import Transactions


class SqlSwitches:
    """The contract of every method is :class:`SwitchStore`'s. A switch's fields are the columns of its table."""

    def __init__(self, transactions: Transactions, cluster: str = "") -> None:
        self._transactions = transactions
        self._here = switches.c.cluster == cluster
        self._open = select(switches).where(IS_OPEN, self._here)

    def of(self, cluster: str) -> SqlSwitches:
        """Those of the cluster with this name."""
        return SqlSwitches(self._transactions, cluster)

    async def open(self, switch: Switch) -> Switch:
        """Store ``switch`` as the open one, or return the one that is open already or has its id. Only one writer
        runs at a time, so reading and inserting are one step; the unique index guards this as well."""

        def begin(db: Connection) -> Switch:
            same = select(switches).where(switches.c.switch_id == switch.switch_id)
            kept = _read(db, self._open) or _read(db, same)
            if kept is None:
                db.execute(insert(switches).values(_values(switch)))
            return kept or switch

        return await self._transactions.write(begin)

    async def current(self) -> Switch | None:
        """The open switch, or None."""
        return await self._transactions.read(lambda db: _read(db, self._open))

    async def get(self, switch_id: str) -> Switch | None:
        """The switch with this id, or None."""
        wanted = select(switches).where(switches.c.switch_id == switch_id)
        return await self._transactions.read(lambda db: _read(db, wanted))

    async def last_claimed(self) -> Switch | None:
        """The switch whose init was claimed last."""
        claimed = select(switches).where(self._here, switches.c.claimed_at.is_not(None))
        newest = claimed.order_by(switches.c.claimed_at.desc())
        return await self._transactions.read(lambda db: _read(db, newest.limit(1)))

    async def claim_init(self, switch_id: str, *, now: float, before: float | None = None) -> bool:
        """Claim the right to send this switch's init: True exactly once, in one process."""
        claim = (
            update(switches)
            .where(switches.c.switch_id == switch_id, IS_OPEN, switches.c.claimed_at.is_not_distinct_from(before))
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
    return asdict(switch) | {"state": switch.state.value, "step": switch.step.value}


def _read(db: Connection, query: Select[tuple[object, ...]]) -> Switch | None:
    row = db.execute(query).mappings().first()
    if row is None:
        return None
    return Switch(**{**row, "state": SwitchState(row["state"]), "step": Step(row["step"])})
