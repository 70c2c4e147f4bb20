"""The steps of summaries, over the queue in memory."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.channel_summary.steps import Step
from bot.domain.queue import fairness
from bot.domain.queue.request import RequestState
from tests.fakes.requests import MemoryRequests


class MemorySteps:
    """The contract of every method is :class:`SummarySteps`'s."""

    def __init__(self, requests: MemoryRequests) -> None:
        self._requests = requests

    async def advance(self, request_id: str, owner: str, step: Step, *, now: float) -> bool:
        """Keep a step, and let the summary join the queue again."""
        store = self._requests
        row = store._held(request_id, owner)
        if row is None:
            return False
        weight = row.request.question.weight
        work = fairness.work(step.used.prompt_tokens, step.used.completion_tokens)
        store._settle(row, fairness.charge(work, weight) if step.was_asked else 0.0)
        row.put_back()
        row.request = replace(
            row.request,
            enqueued_at=now,
            attempts=0,
            question=replace(row.request.question, attached_text=step.plan, cost=step.cost),
        )
        row.charge, row.floor, row.tag = 0.0, store._virtual_time, store._virtual_time
        assert row.state is RequestState.QUEUED
        store._retag(row.user_id)
        return True
