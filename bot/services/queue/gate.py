"""Whether questions may leave the queue, and if not, why."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from bot.domain.queue.hold import Hold
from bot.domain.queue.store import QueuePause, RequestStore
from bot.errors import Draining
from bot.services.queue.cluster_gate import ClusterGate
from bot.services.queue.signal import QueueSignal
from bot.services.queue.stops import Stops

SOONEST = (
    "held.busy",
    "held.node_failed",
    "held.starting",
    "held.starting_nodes",
    "held.unreachable",
    "held.no_model",
)
"""Of several reasons, one for each cluster, the first of these is told: it is the first that may pass."""


class Gate:
    """Decides whether the queue moves: whether one of the clusters takes questions.

    Owns the pauses that operators set, which are stored and shared by all processes, and this process's restart.
    """

    def __init__(
        self, store: RequestStore, clusters: Sequence[tuple[str, ClusterGate]], stops: Stops, signal: QueueSignal
    ) -> None:
        """``clusters`` are the gate of each cluster with its name, at least one. ``signal`` is set when a pause
        changes."""
        self._store = store
        self._clusters = clusters
        self._stops = stops
        self._signal = signal

    @property
    def are_several(self) -> bool:
        """Whether there are several clusters, so that a question may be for one of them only."""
        return len(self._clusters) > 1

    def hold(self, wanted: str | None = None) -> Hold | None:
        """Why the queue does not move; None when it does. ``wanted`` is the only cluster that may answer the
        question that this is asked for; a name that no cluster has counts as None."""
        holds = {name: gate.hold() for name, gate in self._clusters}
        if wanted in holds:
            hold = holds[wanted]
            is_for_all = len(set(holds.values())) == 1
            return hold if hold is None or is_for_all else replace(hold, cluster=wanted)
        found = [hold for hold in holds.values() if hold is not None]
        return min(found, key=_rank) if len(found) == len(holds) else None

    async def pause(self, pause: QueuePause, cluster: str = "") -> None:
        """Hold the queue, or one cluster, in every process; running answers go on. Raises
        :class:`StorageError`."""
        await self._store.pause(pause, cluster)
        self._set({**self._stops.pauses, cluster: pause})

    async def resume(self, cluster: str | None = None) -> bool:
        """End the pause of the queue and of every cluster, or only that of one, and every back-off there. False
        when nothing was paused. Raises :class:`StorageError`."""
        before = await self._store.pauses()
        ended = {"", *before} if cluster is None else {cluster}
        for name in sorted(ended):
            await self._store.pause(None, name)
        self._set({name: pause for name, pause in before.items() if name not in ended}, ended)
        return not ended.isdisjoint(before)

    async def refresh(self) -> None:
        """Read the pauses again: another process may have set or ended one. Raises :class:`StorageError`."""
        pauses = dict(await self._store.pauses())
        if pauses != self._stops.pauses:
            self._set(pauses)

    def restart(self) -> None:
        """Close for good, because this process is about to end."""
        self._stops.is_restarting = True

    def require_open(self) -> None:
        """Raise :class:`Draining` when no further question is taken."""
        if self._stops.is_over:
            raise Draining

    def _set(self, pauses: dict[str, QueuePause], ended: Collection[str] = ()) -> None:
        before, self._stops.pauses = self._stops.pauses, pauses
        over = {*ended, *(before.keys() - pauses.keys())}
        for name, gate in self._clusters:
            if over & {"", name}:
                gate.unpaused()
            gate.stops_changed()
        self._signal.set()


def _rank(hold: Hold) -> int:
    return SOONEST.index(hold.key) if hold.key in SOONEST else len(SOONEST)
