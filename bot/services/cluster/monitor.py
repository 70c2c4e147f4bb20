"""The monitor of the cluster, one per process: ``/status``, the queue, alerts and the presence read it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

import structlog

from bot.clock import Clock, woken
from bot.domain.cluster.events import ClusterObservation
from bot.domain.cluster.ready_capacity import ReadyCapacity
from bot.domain.scheduler import Scheduler
from bot.domain.status import ClusterStatus, JoinCommand, Model
from bot.errors import (
    ClusterBusy,
    KeyWanted,
    RequestRefused,
    SchedulerError,
    SchedulerNotReady,
    SchedulerUnreachable,
    StandaloneNode,
    StreamInterrupted,
    UpstreamFailed,
)
from bot.services.cluster.shared_call import SharedCall
from bot.tasks.listeners import Listeners
from bot.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

FIRST_RECONNECT = 0.5
LONGEST_RECONNECT = 10.0
# A scheduler freezes for 5 s when it is asked too early (recording 42): a shorter silence is no outage.
SILENCE_TOLERATED = 7.0
# A closed port is no freeze: nothing runs there. Only the moment of a reconnection is tolerated.
CLOSED_TOLERATED = 1.0
# A cluster that calls itself available is called failing after this many failed questions in a row: a worker whose
# front has crashed stays listed as available for good (recording 84).
FAILURES_TOLERATED = 3
# The list of models and the join command are asked for at most once in this many seconds.
FRESH = 1.0
# While a model does not start, the list is read again after this time.
LIST_FRESH = 60.0
# The client's codes for a connection that was accepted and then stayed silent.
_SILENT = frozenset({"timeout", "stall"})
# The client's codes for "nobody answers", which holds the queue. A connection that is reset before any answer is
# the same: something on the way accepts for a scheduler that is not there. Other errors of the status stream
# (there is none, or it breaks without a byte: recording 25) say nothing about questions.
_NOBODY = _SILENT | {"connect_failed", "connect_timeout", "connection_lost", "login_required"}
# The answers of a proxy whose scheduler is not there.
_GATEWAY = frozenset({502, 503, 504})


class Availability(StrEnum):
    """Whether a question can be sent. The values are the last part of catalogue keys under ``held.`` and
    ``status.``."""

    USABLE = "usable"
    UNKNOWN = "unknown"
    NO_MODEL = "no_model"
    STARTING = "starting"
    UNREACHABLE = "unreachable"


class ModelFault(StrEnum):
    """Why the model that the scheduler names cannot run. The values are kinds of problems, and the last part of
    catalogue keys under ``status.`` and ``held.``."""

    UNLISTED = "model_unlisted"
    FAILED = "model_failed"


@dataclass(frozen=True, slots=True)
class ClusterView:
    """What is known of the cluster now. Times in epoch seconds.

    ``frozen``: the port accepts connections but sends nothing. ``failing``: requests fail although the cluster
    calls itself available. ``received_at``: when the last report came. ``proven``: the last question was answered
    to its end, since the state is unknown. ``answered_at``: when the scheduler last answered a request for its
    status, with a report or anything else. ``refuted``: the report says that the cluster is usable, but a question
    was refused because no pipeline is ready; ``availability`` is then STARTING. ``wants_key``: it is unreachable
    because it refuses the bot's key, or wants one. ``connected_at``: when the connection of the last report was
    opened. ``standalone``: a node answers that runs without a scheduler, so no report will come. ``fault``: why
    the model cannot run, as :meth:`ClusterService.model_fault` last found. ``status`` has the capacity of the
    ready nodes, not of those that still load.
    """

    status: ClusterStatus | None
    availability: Availability
    unreachable_since: float | None
    frozen: bool = False
    failing: bool = False
    received_at: float | None = None
    proven: bool = False
    answered_at: float | None = None
    refuted: bool = False
    wants_key: bool = False
    connected_at: float | None = None
    standalone: bool = False
    fault: ModelFault | None = None


def availability_of(status: ClusterStatus) -> Availability:
    """The availability that a report shows: usable as :attr:`ClusterStatus.usable` says, or what is missing."""
    if status.usable:
        return Availability.USABLE
    return Availability.NO_MODEL if status.has_no_model else Availability.STARTING


class ClusterMonitor:
    """Keeps the newest report and tells listeners of every change."""

    def __init__(self, scheduler: Scheduler, clock: Clock, metrics: Metrics, name: str = "") -> None:
        """``name`` is the cluster's, for the log and the metrics; empty when it has none."""
        self._name = name
        self._log = log.bind(cluster=name) if name else log
        self._scheduler = scheduler
        self._clock = clock
        self._metrics = metrics
        self._status: ClusterStatus | None = None
        self._received_at: float | None = None
        self._answered_at: float | None = None
        self._unreachable_since: float | None = None
        self._blind = False
        self._proven = False
        self._frozen = self._wants_key = False
        self._failures = 0
        self._listeners = Listeners[[]](clock)
        self._refuted = False
        self._ready_capacity = ReadyCapacity()
        self._connected_at: float | None = None
        self._ran: str | None = None
        self._standalone = False
        self._fault: tuple[str, ModelFault | None] | None = None

    def view(self) -> ClusterView:
        """The cluster as last seen."""
        return ClusterView(
            self._status,
            self._availability(),
            self._unreachable_since,
            frozen=self._frozen and self._unreachable_since is not None,
            failing=self._failing,
            received_at=self._received_at,
            proven=self._proven,
            answered_at=self._answered_at,
            refuted=self._refuted,
            wants_key=self._wants_key and self._unreachable_since is not None,
            connected_at=self._connected_at,
            standalone=self._standalone,
            fault=self._present_fault(),
        )

    def suspect(self) -> str | None:
        """The model that perhaps cannot run: the cluster waits with it, and no node has joined. Else None."""
        status = self._status
        waits = self._availability() is Availability.STARTING and status is not None and not status.nodes
        return status.model if waits and status is not None else None

    def found_fault(self, model: str, fault: ModelFault | None) -> None:
        """Note why this model cannot run; None when nothing is known against it."""
        before = self._present_fault()
        self._fault = model, fault
        if self._present_fault() is not before:
            self._log.info("cluster.model_fault", model=model, fault=fault)
            self._tell()

    def _present_fault(self) -> ModelFault | None:
        if self._fault is None or self._fault[0] != self.suspect():
            return None
        return self._fault[1]

    def has_run(self, model: str) -> bool:
        """Whether this is the model that was last seen usable."""
        return model == self._ran

    def seen(self) -> ClusterObservation:
        """The part of the view that events are derived from."""
        view = self.view()
        attempts = view.availability is not Availability.UNREACHABLE
        return ClusterObservation(view.status, attempts, frozen=view.frozen, failing=view.failing)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after every change; returns how to end it."""
        return self._listeners.subscribe(listener)

    def chat_succeeded(self) -> None:
        """Note that an answer began: the scheduler answers, even without a status, and a pipeline is ready."""
        was_refuted, self._refuted = self._refuted, False
        was_unreachable = self._unreachable_since is not None and self._status is None
        if was_unreachable:
            self._unreachable_since = None
        if was_refuted or was_unreachable:
            self._tell()

    def chat_worked(self, *, recovered: bool = False) -> None:
        """Note that the cluster sent a piece of an answer, so the node works. Headers alone do not prove that: a
        worker whose front has crashed sends them as well (recording 84). ``recovered``: questions were held
        because the cluster failed, so listeners are told in any case."""
        failures, was_refuted = self._failures, self._refuted
        self._failures, self._refuted = 0, False
        if failures or was_refuted or recovered:
            self._tell()

    def chat_completed(self) -> None:
        """Note that an answer came to its end."""
        before = (self._failing, self._proven)
        self._failures, self._proven = 0, True
        if before != (False, True):
            self._tell()

    def chat_failed(self, error: SchedulerError) -> None:
        """Note that a question failed before its first word by the cluster's fault. Only a question that was taken
        counts as a failure. "Not ready" refutes a report that says usable, until the report changes."""
        self._proven = self._proven and isinstance(error, ClusterBusy | RequestRefused)
        if isinstance(error, SchedulerNotReady) and self._availability() is Availability.USABLE:
            self._refuted = True
            self._log.warning("cluster.not_ready_although_available", code=error.code, detail=str(error))
            self._tell()
        if not isinstance(error, UpstreamFailed | StreamInterrupted):
            return
        was_failing = self._failing
        self._failures += 1
        if self._failing and not was_failing:
            self._log.warning("cluster.failing", failures=self._failures)
            self._tell()

    @property
    def _failing(self) -> bool:
        return self._failures >= FAILURES_TOLERATED

    async def run(self) -> None:
        """Read the status until cancelled; reconnects for ever."""
        delay = FIRST_RECONNECT
        while True:
            try:
                async with self._scheduler.watch_status() as reports:
                    self._connected_at = self._clock.now()
                    async for status in reports:
                        delay = FIRST_RECONNECT
                        self._take_in(status)
            except SchedulerError as error:
                if _is_silence(error):
                    self._note_silence(error)
                else:
                    self._note_unreadable(error)
            await self._clock.sleep(delay)
            delay = min(delay * 2, LONGEST_RECONNECT)

    def _availability(self) -> Availability:
        if self._unreachable_since is not None:
            return Availability.UNREACHABLE
        if self._status is None or self._blind:
            return Availability.UNKNOWN
        availability = availability_of(self._status)
        return Availability.STARTING if self._refuted and availability is Availability.USABLE else availability

    def _take_in(self, report: ClusterStatus) -> None:
        # Everybody in the process sees the capacity of what is ready.
        status = replace(report, capacity=self._ready_capacity.observe(report))
        self._ran = status.model if status.usable else self._ran
        before = self._availability()
        changed = status != self._status or self._blind or self._unreachable_since is not None
        self._standalone = False
        self._received_at = self._answered_at = self._clock.now()
        self._status, self._unreachable_since, self._blind = status, None, False
        if not changed:
            return
        self._refuted = False
        if self._availability() is not before:
            self._log.info("cluster.availability", now=self._availability().value, before=before.value)
        self._tell()

    def _note_silence(self, error: SchedulerError) -> None:
        """Note that nobody answers: an outage when it lasts."""
        self._metrics.failed_at_scheduler(error, "status")
        now = self._clock.now()
        before = (self._frozen, self._wants_key)
        self._frozen, self._wants_key = error.code in _SILENT, isinstance(error, KeyWanted)
        self._standalone = False
        if self._unreachable_since is not None:
            if before != (self._frozen, self._wants_key):
                self._tell()
            return
        tolerated = CLOSED_TOLERATED if error.code == "connect_failed" else SILENCE_TOLERATED
        if self._answered_at is not None and now - self._answered_at < tolerated:
            return
        self._unreachable_since = self._answered_at or now
        log.warning("cluster.not_answering", error=type(error).__name__, detail=str(error))
        self._tell()

    def _note_unreadable(self, error: SchedulerError) -> None:
        """Note that something answers without a status: after a while the last report counts as out of date."""
        self._metrics.failed_at_scheduler(error, "status")
        now = self._clock.now()
        was_unreachable, self._unreachable_since = self._unreachable_since is not None, None
        self._answered_at = now
        was_standalone, self._standalone = self._standalone, isinstance(error, StandaloneNode)
        became_blind = not self._blind and (
            self._received_at is None or now - self._received_at >= SILENCE_TOLERATED
        )
        if became_blind:
            self._blind, self._proven = True, False
            self._log.warning("cluster.status_unreadable", error=type(error).__name__, detail=str(error))
        if became_blind or was_unreachable or was_standalone is not self._standalone:
            self._tell()

    def _tell(self) -> None:
        self._metrics.found_usable(self._name, usable=self._availability() is Availability.USABLE)
        self._listeners.tell()


def _is_silence(error: SchedulerError) -> bool:
    if error.status in _GATEWAY:
        return True
    # After the headers, a lost connection shows that something answered.
    broke = error.code == "connection_lost" and not isinstance(error, SchedulerUnreachable)
    return error.code in _NOBODY and not broke


class ClusterService:
    """The cluster as people ask for it: its state, its models and its join command.

    People who ask the scheduler for the same thing at the same time share one call.
    """

    def __init__(self, scheduler: Scheduler, monitor: ClusterMonitor, web_page: str, clock: Clock) -> None:
        self._models = SharedCall(scheduler.models, clock)
        self._join_command = SharedCall(scheduler.join_command, clock)
        self._monitor = monitor
        self._clock = clock
        self.web_page = web_page

    def view(self) -> ClusterView:
        """The cluster as last seen."""
        return self._monitor.view()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after every change of the view; returns how to end it."""
        return self._monitor.subscribe(listener)

    async def models(self) -> tuple[Model, ...]:
        """The scheduler's models, at most a second old. Raises :class:`SchedulerError`."""
        return await self._models.get(fresh=FRESH)

    async def join_command(self) -> JoinCommand | None:
        """How a node joins, at most a second old; None without a model. Raises :class:`SchedulerError`."""
        return await self._join_command.get(fresh=FRESH)

    async def model_fault(self) -> ModelFault | None:
        """Why the model that the newest report names cannot run; None when nothing is known against it.

        Anybody who reaches the scheduler can set any model. The list of models is compared only while the cluster
        is not usable and no node has joined; while it cannot be read, the last result for this model counts.
        """
        status, suspect = self.view().status, self._monitor.suspect()
        if not suspect or status is None:
            return None
        try:
            listed = {model.name for model in await self._models.get(fresh=LIST_FRESH)}
        except SchedulerError:
            return self.view().fault
        fault = ModelFault.FAILED if status.has_failed_init else None
        # Other dialects may list other names: a model that was usable can run.
        if listed and suspect not in listed and not self._monitor.has_run(suspect):
            fault = ModelFault.UNLISTED
        self._monitor.found_fault(suspect, fault)
        return fault

    async def run(self) -> None:
        """Look at the model whenever the cluster changes, until cancelled: the queue reads the result in the
        view."""
        changed = asyncio.Event()
        unsubscribe = self.subscribe(changed.set)
        try:
            while True:
                await self.model_fault()
                await woken(changed, self._clock, LIST_FRESH)
        finally:
            unsubscribe()

    async def known_model(self, name: str) -> Model:
        """The listed model with this name.

        Raises :class:`SchedulerError` with key ``error.model_unknown`` when it is not listed: an init with an
        unknown model would stop the running cluster (recording 89). The list is always read anew.
        """
        for model in await self._models.get():
            if model.name == name:
                return model
        raise SchedulerError(f"model {name!r} is not listed", key="error.model_unknown", model=name)
