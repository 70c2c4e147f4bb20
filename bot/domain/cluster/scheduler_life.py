"""Restarts of the scheduler, as its reports show them, and the workers that outlive one. Pure."""

from __future__ import annotations

from bot.domain.cluster.events import ClusterObservation
from bot.domain.status import ClusterStatus

# In seconds. Workers that ran before a restart come back by themselves 10 to 20 s after it (docs/parallax-api.md).
RETURN_WITHIN = 45.0


class SchedulerLife:
    """Sees from the reports when the scheduler has lost its model, and which workers may still come back.

    Only a restart takes the model away: an init replaces it. A scheduler without a model whose port was closed was
    restarted as well; one that was frozen may go on as it was. Workers are not told of a restart: those that were
    connected before join again, and an init in between strands them.
    """

    def __init__(self) -> None:
        self._before: ClusterStatus | None = None
        self._was_down = False
        self._lost_at: float | None = None
        self._returning: frozenset[str] = frozenset()
        self._hidden: frozenset[str] = frozenset()

    @property
    def hidden(self) -> int:
        """How many workers were connected when an init failed, and have not been listed since. They may still run,
        and the next init strands them (recording 89)."""
        return len(self._hidden)

    @property
    def model_lost_at(self) -> float | None:
        """When the scheduler was last seen to have been restarted without a model, in epoch seconds."""
        return self._lost_at

    def observe(self, seen: ClusterObservation, at: float) -> None:
        """Take in the state of the cluster at ``at`` (epoch seconds)."""
        status = seen.status
        if not seen.attempts or status is None:
            self._was_down = self._was_down or not (seen.attempts or seen.frozen)
            return
        before, self._before = self._before, status
        was_down, self._was_down = self._was_down, False
        if before is not None and status.has_no_model and (was_down or not before.has_no_model):
            self._lost_at = at
            self._returning = _ids(before) | self._hidden
        self._returning -= _ids(status)
        if not status.has_failed_init:
            self._hidden = frozenset()
        elif before is not None:
            self._hidden |= _ids(before)

    def returning(self, now: float) -> int:
        """How many workers ran before the last restart, have not been listed since and may still come back."""
        recent = self._lost_at is not None and now - self._lost_at < RETURN_WITHIN
        return len(self._returning) if recent else 0


def _ids(status: ClusterStatus) -> frozenset[str]:
    return frozenset(node.node_id for node in status.nodes)
