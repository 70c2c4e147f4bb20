"""A cluster with what is kept of it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.services.cluster.clusters import Cluster
from bot.services.cluster.recorder import ClusterRecorder


@dataclass(frozen=True, slots=True)
class Observed:
    """One cluster and its recorder."""

    cluster: Cluster
    recorder: ClusterRecorder
