"""The speed of single nodes, as far as it can be measured. Pure.

An answer runs through a pipeline of one or more nodes, and the scheduler does not say which. While exactly one
node works, every answer comes from that node (docs/decisions/0012).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.domain.cluster.events import ClusterObservation
from bot.domain.status import Node, NodeState

# Speeds are computed from the answers of the last hour, which may have begun long before.
REMEMBERED = 2 * 3600.0
# Of nodes that come and go faster than that, no answer could be told anyway.
MOST_PERIODS = 512


@dataclass(frozen=True, slots=True)
class Speed:
    """An answer's tokens per second, when its request was sent and when it ended (epoch seconds)."""

    started_at: float
    finished_at: float
    tokens_per_second: float


@dataclass(frozen=True, slots=True)
class _Span:
    node_id: str
    since: float
    until: float | None = None


class SingleNodePeriods:
    """The periods in which one node worked alone, since this process began to observe the cluster."""

    def __init__(self) -> None:
        self._spans: deque[_Span] = deque(maxlen=MOST_PERIODS)

    def observe(self, seen: ClusterObservation, at: float) -> None:
        """Take in the state of the cluster at ``at`` (epoch seconds)."""
        alone = _alone(seen)
        last = self._spans[-1] if self._spans else None
        if last is not None and last.until is None:
            if last.node_id == alone:
                return
            self._spans[-1] = replace(last, until=at)
        if alone is not None:
            self._spans.append(_Span(alone, at))
        while self._spans and (until := self._spans[0].until) is not None and at - until >= REMEMBERED:
            self._spans.popleft()

    def speeds(self, answers: Sequence[Speed]) -> dict[str, float]:
        """The median tokens per second of each node that some of ``answers`` certainly came from."""
        found: dict[str, list[float]] = {}
        for answer in answers:
            for span in self._spans:
                if span.since <= answer.started_at and (span.until is None or answer.finished_at <= span.until):
                    found.setdefault(span.node_id, []).append(answer.tokens_per_second)
        return {node_id: sorted(rates)[len(rates) // 2] for node_id, rates in found.items()}


def _alone(seen: ClusterObservation) -> str | None:
    if not seen.attempts or seen.status is None:
        return None
    working: list[Node] = [node for node in seen.status.nodes if node.state is not NodeState.WAITING]
    return working[0].node_id if len(working) == 1 and working[0].state is NodeState.AVAILABLE else None
