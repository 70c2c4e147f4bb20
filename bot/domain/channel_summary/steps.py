"""The port that keeps a step of a summary, and lets the summary wait for its next one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bot.domain.queue.request import Used


@dataclass(frozen=True, slots=True)
class Step:
    """What a step has brought: the ``plan`` as text with what is left to do, what the step ``used``, and the
    estimated ``cost`` of the next one (tokens, > 0). ``was_asked`` False: the cluster was not asked anything."""

    plan: str
    cost: float
    used: Used
    was_asked: bool = True


class SummarySteps(Protocol):
    """Keeps the steps of summaries."""

    async def advance(self, request_id: str, owner: str, step: Step, *, now: float) -> bool:
        """In one transaction: keep a step, charge its asker with what it used, and let the summary join the queue
        again, as a question does that is asked ``now``. False when ``owner`` does not hold it any more."""
        ...
