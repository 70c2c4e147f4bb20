"""The queue: shown to people, and run by operators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from bot.clock import Clock
from bot.domain.cluster.audit import AuditEntry, AuditLog, Json
from bot.domain.queue.hold import Hold
from bot.domain.queue.request import OPEN_STATES, QueueEntry, RequestState, StoredRequest
from bot.domain.queue.store import QueuePause, RequestStore
from bot.presentation.status import Load
from bot.services.ports import Preferences
from bot.services.queue.gate import Gate
from bot.services.queue.in_flight import InFlight
from bot.services.queue.slots import AllSlots
from bot.services.requests.cancellation import Cancellation

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Mine:
    """One of a person's own questions. ``position`` counts from 1, None when it does not wait; ``wait`` is an
    estimate in seconds, None when unknown."""

    request: StoredRequest
    position: int | None
    wait: float | None


@dataclass(frozen=True, slots=True)
class MyQueue:
    """A person's questions and the queue they wait in."""

    mine: tuple[Mine, ...]
    load: Load
    hold: Hold | None
    announced: bool


class QueueOverview:
    """Shows the queue and lets operators pause, resume and clear it."""

    def __init__(
        self,
        store: RequestStore,
        preferences: Preferences,
        gate: Gate,
        slots: AllSlots,
        in_flight: InFlight,
        cancellation: Cancellation,
        audit: AuditLog,
        clock: Clock,
    ) -> None:
        self._store = store
        self._preferences = preferences
        self._gate = gate
        self._slots = slots
        self._in_flight = in_flight
        self._cancellation = cancellation
        self._audit = audit
        self._clock = clock

    async def load(self, cluster: str | None = None) -> Load:
        """How many questions run and wait; those that run at one cluster, when it is named. Raises
        :class:`StorageError`."""
        counts = await self._store.counts()
        only = None if cluster is None else self._slots.of(cluster)
        return Load(
            running=self._in_flight.running if only is None else only.running,
            capacity=(self._slots if only is None else only).limit() or None,
            waiting=counts.get(RequestState.QUEUED, 0),
        )

    async def running_everywhere(self, cluster: str) -> int:
        """Questions running at a cluster in any process, those that its scheduler still holds included. Raises
        :class:`StorageError`."""
        return max(len(self._in_flight.at(cluster)), await self._store.running_at(cluster))

    async def is_paused(self, cluster: str = "") -> bool:
        """Whether operators hold the queue, or this cluster. Raises :class:`StorageError`."""
        return not {"", cluster}.isdisjoint(await self._store.pauses())

    async def of(self, user_id: int) -> MyQueue:
        """A person's own questions. Raises :class:`StorageError`."""
        mine: list[Mine] = []
        for request in await self._store.of_user(user_id, OPEN_STATES):
            position = await self._store.position(request.request_id)
            wait = position and self._slots.wait_for(position, request.question.wanted_cluster)
            mine.append(Mine(request, position, wait))
        announced = await self._preferences.announce(user_id)
        return MyQueue(tuple(mine), await self.load(), self._gate.hold(), announced)

    async def queue(self) -> tuple[Sequence[StoredRequest], Sequence[QueueEntry]]:
        """Everything that runs, oldest first, and everything that waits, in order. What begins between the two
        looks is in the first only. Raises :class:`StorageError`."""
        waiting = await self._store.queue()
        running = await self._store.running()
        begun = {request.request_id for request in running}
        return running, [entry for entry in waiting if entry.request_id not in begun]

    async def set_announced(self, user_id: int, announced: bool) -> None:
        """Set whether this person is pinged when an answer took long. Raises :class:`StorageError`."""
        await self._preferences.set_announce(user_id, announced)

    async def pause(self, reason: str, *, by: int, cluster: str = "") -> None:
        """Pause the queue, or one ``cluster`` of several, for an operator; running answers go on. ``reason`` is
        shown to everybody who waits for it."""
        await self.hold(reason, by=by, cluster=cluster)
        await self._note(by, "line.pause", {"reason": reason, **_named(cluster)})

    async def resume(self, *, by: int, cluster: str | None = None) -> bool:
        """Let everything go on, or one cluster, for an operator; False when nothing was paused."""
        was_held = await self.release(by=by, cluster=cluster)
        await self._note(by, "line.resume", _named(cluster or ""))
        return was_held

    async def hold(self, reason: str, *, by: int, cluster: str = "") -> None:
        """Pause the queue, or one cluster, as a part of another action, which has its own entry in the audit
        log."""
        await self._gate.pause(QueuePause(reason=reason, by=by, since=self._clock.now()), cluster)
        log.warning("queue.paused", by=by, reason=reason, cluster=cluster)

    async def release(self, *, by: int, cluster: str | None = None) -> bool:
        """Undo :meth:`hold`; False when nothing was paused."""
        was_held = await self._gate.resume(cluster)
        log.warning("queue.resumed", by=by, cluster=cluster)
        return was_held

    async def cancel(self, request_ids: Sequence[str], *, by: int) -> int:
        """Stop or withdraw questions for an operator; returns how many of them had not ended."""
        cancelled = sum([await self._cancellation.stop(request_id, by=by) for request_id in request_ids])
        await self._note(by, "line.cancel", {"questions": cancelled, "ids": " ".join(sorted(request_ids))})
        return cancelled

    async def clear(self, *, by: int) -> int:
        """Cancel everything that waits, all or nothing; returns how many questions that were.

        Their messages say so afterwards. Raises :class:`StorageError`.
        """
        cleared = await self._cancellation.clear(by=by)
        log.warning("queue.cleared", by=by, questions=cleared)
        await self._note(by, "line.clear", {"questions": cleared})
        return cleared

    async def _note(self, by: int, action: str, detail: dict[str, Json]) -> None:
        await self._audit.record(AuditEntry(self._clock.now(), by, action, detail))


def _named(cluster: str) -> dict[str, Json]:
    """The cluster as a part of an entry in the audit log; nothing when there is no name."""
    return {"cluster": cluster} if cluster else {}
