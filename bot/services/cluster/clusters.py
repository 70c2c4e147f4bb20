"""The clusters behind the bot, by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.domain.queue.store import Place
from bot.domain.scheduler import Scheduler
from bot.errors import UserError
from bot.services.cluster.monitor import ClusterMonitor, ClusterService


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster: its name, which may be empty when it is the only one, its scheduler, and what is observed of
    it.

    ``most_context``: no more than so many tokens are sent along with a question there; None: as many as its
    profile says.
    """

    name: str
    scheduler: Scheduler
    monitor: ClusterMonitor
    service: ClusterService
    most_context: int | None = None


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

    def chosen(self, name: str | None) -> Cluster:
        """The cluster that somebody named; the first one for None. Raises :class:`UserError` for an unknown
        name."""
        found = self.first if name is None else self._by_name.get(name)
        if found is None:
            raise UserError("no such cluster", key="error.cluster_unknown", names=", ".join(self.names))
        return found

    def place(self, cluster: Cluster) -> Place:
        """Where questions for this cluster are claimed for."""
        return Place(cluster.name, self.names)
