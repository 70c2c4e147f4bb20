"""The steps of summaries, on the database: :class:`bot.domain.channel_summary.steps.SummarySteps`."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from bot.domain.channel_summary.steps import Step
from bot.domain.queue import fairness
from bot.domain.queue.request import RequestState
from bot.storage import queue, transitions
from bot.storage.dialects import hold_queue, queue_changed
from bot.storage.engine import Transactions
from bot.storage.tables import line_state, requests


class SqlSummarySteps:
    """The contract of every method is :class:`SummarySteps`'s."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def advance(self, request_id: str, owner: str, step: Step, *, now: float) -> bool:
        """Keep a step, and let the summary join the queue again."""
        return await self._transactions.write(
            lambda connection: _advance(connection, request_id, owner, step, now)
        )


def _advance(connection: Connection, request_id: str, owner: str, step: Step, now: float) -> bool:
    hold_queue(connection)
    row = transitions.held(connection, request_id, owner)
    if row is None:
        return False
    work = fairness.work(step.used.prompt_tokens, step.used.completion_tokens)
    measured = fairness.charge(work, row.weight) if step.was_asked else 0.0
    floor = connection.scalar(select(line_state.c.virtual_time)) or 0.0
    connection.execute(
        update(requests)
        .where(requests.c.sequence == row.sequence)
        .values(
            state=RequestState.QUEUED.value,
            material=step.plan,
            cost=step.cost,
            floor_tag=floor,
            # Its tag follows from the account, below.
            start_tag=floor,
            charge=0.0,
            attempts=0,
            # What it waits now counts for its expiry, not what it has waited and worked before.
            enqueued_at=now,
            changed_at=now,
            started_at=None,
            lease_owner=None,
            lease_until=None,
            cluster=None,
        )
    )
    queue.settle(connection, row.user_id, charged=row.charge, measured=measured)
    if step.was_asked:
        transitions.count(connection, row, step.used.total, now)
    queue_changed(connection)
    return True
