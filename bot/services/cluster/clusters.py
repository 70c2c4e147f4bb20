"""The clusters behind the bot, by name."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.domain.queue.fairness import EXPECTED_ANSWER
from bot.domain.queue.store import Place
from bot.domain.scheduler import PassingScheduler, Scheduler
from bot.errors import UserError
from bot.services.cluster.monitor import ClusterMonitor, ClusterService


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster: its name, which may be empty when it is the only one, its scheduler, and what is observed of
    it.

    ``passing``: the scheduler as what programs ask is passed to it; None: nothing is.
    ``most_context``: no more than so many tokens are sent along with a question there; None: as many as its
    profile says.
    """

    name: str
    scheduler: Scheduler
    monitor: ClusterMonitor
    service: ClusterService
    most_context: int | None = None
    passing: PassingScheduler | None = None


class Clusters:
    """All clusters, in the order of the settings. Their names are shown only where there are several."""

    def __init__(self, clusters: Sequence[Cluster]) -> None:
        """``clusters``: at least one, with different names."""
        if not clusters:
            raise ValueError("there is no cluster")
        self._by_name = {cluster.name: cluster for cluster in clusters}

    def __iter__(self) -> Iterator[Cluster]:
        return iter(self._by_name.values())

    @property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self._by_name)

    @property
    def shown_names(self) -> tuple[str, ...]:
        """Their names where there are several to choose from; empty with only one."""
        return self.names if len(self._by_name) > 1 else ()

    @property
    def first(self) -> Cluster:
        """The first one, or the only one."""
        return next(iter(self))

    @property
    def models(self) -> Mapping[str, tuple[str, ...]]:
        """The names of the clusters that run each model, as far as these tell it."""
        found: dict[str, tuple[str, ...]] = {}
        for cluster in self:
            status = cluster.service.view().status
            if status is not None and status.model is not None:
                found[status.model] = (*found.get(status.model, ()), cluster.name)
        return found

    def chosen(self, name: str | None) -> Cluster:
        """The cluster that somebody named; the first one for None. Raises :class:`UserError` for an unknown
        name."""
        found = self.first if name is None else self._by_name.get(name)
        if found is None:
            raise UserError("no such cluster", key="error.cluster_unknown", names=", ".join(self.names))
        return found

    def place(self, cluster: Cluster) -> Place:
        """Where questions for this cluster are claimed for. Those that take most take everything, so that no
        question is too long for all."""
        limits = [math.inf if one.most_context is None else one.most_context for one in self]
        mine = math.inf if cluster.most_context is None else cluster.most_context
        return Place(cluster.name, self.names, math.inf if mine == max(limits) else mine + EXPECTED_ANSWER)
