"""The switchers of all clusters' models."""

from __future__ import annotations

from collections.abc import Mapping

from bot.services.operations.model_switch import ModelSwitcher


class Switchers:
    """One switcher for each cluster: several clusters may get another model at the same time."""

    def __init__(self, by_cluster: Mapping[str, ModelSwitcher]) -> None:
        """``by_cluster``: at least one, by the clusters' names."""
        self._by_cluster = by_cluster

    def at(self, cluster: str) -> ModelSwitcher:
        """That of a configured cluster."""
        return self._by_cluster[cluster]

    async def of(self, switch_id: str) -> ModelSwitcher | None:
        """That of the cluster to which this switch belongs; None when there is no such switch, or its cluster is
        not configured any more. Raises :class:`StorageError`."""
        switch = await next(iter(self._by_cluster.values())).get(switch_id)
        return None if switch is None else self._by_cluster.get(switch.cluster)
