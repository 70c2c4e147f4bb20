"""One monitor of the cluster per process: it feeds ``/status``, the queue and the presence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import structlog

from bot.clock import Clock
from bot.domain.cluster.events import ClusterObservation
from bot.domain.scheduler import Scheduler
from bot.domain.status import ClusterState, ClusterStatus, JoinCommand, Model
from bot.errors import (
    ClusterBusy,
    KeyWanted,
    RequestRefused,
    SchedulerError,
    SchedulerNotReady,
    StreamInterrupted,
    UpstreamFailed,
)
from bot.services.cluster.shared_call import SharedCall
from bot.tasks.listeners import Listeners
from bot.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

FIRST_RECONNECT = 0.5
LONGEST_RECONNECT = 10.0
# A scheduler freezes for 5 s when it is asked too early (recording 42): no alarm before that is over.
SILENCE_TOLERATED = 7.0
# So many questions in a row fail at a cluster that calls itself available before it is called failing: a worker
# whose front has crashed stays listed as available for good (recording 84).
FAILURES_TOLERATED = 3
# Seconds for which people are told what the scheduler said to whoever asked last.
FRESH = 1.0
# How the client says that something accepted the connection and then kept silent.
_SILENT = frozenset({"timeout", "stall"})
# How it says that nobody answers, which holds the queue. Whatever else goes wrong with the status (there is none,
# or it breaks without a byte: recording 25) says nothing about questions.
_NOBODY = _SILENT | {"connect_failed", "connect_timeout", "login_required"}
# A proxy before a scheduler that is not there answers in its place.
_GATEWAY = frozenset({502, 503, 504})


class Availability(StrEnum):
    """Whether a question has a chance. The values end catalogue keys under ``held.`` and ``status.``."""

    USABLE = "usable"
    UNKNOWN = "unknown"
    NO_MODEL = "no_model"
    STARTING = "starting"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class ClusterView:
    """What is known of the cluster now. ``age`` in seconds since the last report, None when there was none;
    ``unreachable_since`` in epoch seconds; ``frozen`` when the port still accepts but nothing comes; ``failing``
    when requests fail although the cluster calls itself available; ``proven`` when the last question was answered
    to its end since the availability is unknown; ``answered_at`` when the scheduler last answered whatever to the
    question for its status, in epoch seconds; ``refuted`` when the report says that the cluster is usable, but a
    question was told that no pipeline is ready: the availability is then that of a cluster that starts;
    ``wants_key`` when the scheduler is unreachable because it refuses the bot's key, or wants one."""

    status: ClusterStatus | None
    age: float | None
    availability: Availability
    unreachable_since: float | None
    frozen: bool = False
    failing: bool = False
    received_at: float | None = None
    proven: bool = False
    answered_at: float | None = None
    refuted: bool = False
    wants_key: bool = False


def availability_of(status: ClusterStatus) -> Availability:
    """What a report means for the next question: :attr:`ClusterStatus.usable`, and if not, what is missing."""
    if status.usable:
        return Availability.USABLE
    no_model = status.model is None and status.state is not ClusterState.AVAILABLE
    return Availability.NO_MODEL if no_model else Availability.STARTING


class ClusterMonitor:
    """Keeps the newest report and tells listeners of every change."""

    def __init__(self, scheduler: Scheduler, clock: Clock, metrics: Metrics) -> None:
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

    def view(self) -> ClusterView:
        """The cluster as last seen."""
        age = None if self._received_at is None else self._clock.now() - self._received_at
        return ClusterView(
            self._status,
            age,
            self._availability(),
            self._unreachable_since,
            frozen=self._frozen and self._unreachable_since is not None,
            failing=self._failing,
            received_at=self._received_at,
            proven=self._proven,
            answered_at=self._answered_at,
            refuted=self._refuted,
            wants_key=self._wants_key and self._unreachable_since is not None,
        )

    def seen(self) -> ClusterObservation:
        """The same for whoever derives events."""
        view = self.view()
        attempts = view.availability is not Availability.UNREACHABLE
        return ClusterObservation(view.status, attempts, frozen=view.frozen, failing=view.failing)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after every change; returns how to end it."""
        return self._listeners.subscribe(listener)

    def chat_succeeded(self) -> None:
        """An answer began: whatever the status stream says, the scheduler answers, and a pipeline is ready."""
        was_refuted, self._refuted = self._refuted, False
        was_unreachable = self._unreachable_since is not None and self._status is None
        if was_unreachable:
            self._unreachable_since = None
        if was_refuted or was_unreachable:
            self._changed()

    def chat_worked(self, *, recovered: bool = False) -> None:
        """The cluster sent a piece of an answer: the node that was asked works. A mere beginning proves nothing: a
        worker whose front has crashed sends the headers of a good answer first (recording 84). ``recovered``:
        questions were held because it did not work, so this is news even if nobody called it failing."""
        failures, was_refuted = self._failures, self._refuted
        self._failures, self._refuted = 0, False
        if failures or was_refuted or recovered:
            self._changed()

    def chat_completed(self) -> None:
        """An answer came to its end: the cluster does what it says."""
        before = (self._failing, self._proven)
        self._failures, self._proven = 0, True
        if before != (False, True):
            self._changed()

    def chat_failed(self, error: SchedulerError) -> None:
        """A question failed before its first word, by the cluster's fault. Only a cluster that took it and broke
        it counts as failing; one that says that it is not ready contradicts its report until that changes."""
        self._proven = self._proven and isinstance(error, ClusterBusy | RequestRefused)
        if isinstance(error, SchedulerNotReady) and self._availability() is Availability.USABLE:
            self._refuted = True
            log.warning("cluster.not_ready_although_available", code=error.code, detail=str(error))
            self._changed()
        if not isinstance(error, UpstreamFailed | StreamInterrupted):
            return
        was_failing = self._failing
        self._failures += 1
        if self._failing and not was_failing:
            log.warning("cluster.failing", failures=self._failures)
            self._changed()

    @property
    def _failing(self) -> bool:
        return self._failures >= FAILURES_TOLERATED

    async def run(self) -> None:
        """Watch until cancelled; reconnects for ever."""
        delay = FIRST_RECONNECT
        while True:
            try:
                async with self._scheduler.watch_status() as reports:
                    async for status in reports:
                        delay = FIRST_RECONNECT
                        self._report(status)
            except SchedulerError as error:
                self._lost(error)
            await self._clock.sleep(delay)
            delay = min(delay * 2, LONGEST_RECONNECT)

    def _availability(self) -> Availability:
        if self._unreachable_since is not None:
            return Availability.UNREACHABLE
        if self._status is None or self._blind:
            return Availability.UNKNOWN
        availability = availability_of(self._status)
        return Availability.STARTING if self._refuted and availability is Availability.USABLE else availability

    def _report(self, status: ClusterStatus) -> None:
        before = self._availability()
        changed = status != self._status or self._blind or self._unreachable_since is not None
        self._received_at = self._answered_at = self._clock.now()
        self._status, self._unreachable_since, self._blind = status, None, False
        if not changed:
            return
        self._refuted = False
        if self._availability() is not before:
            log.info("cluster.availability", now=self._availability().value, before=before.value)
        self._changed()

    def _lost(self, error: SchedulerError) -> None:
        if error.code in _NOBODY or error.status in _GATEWAY:
            self._unanswered(error)
        else:
            self._unreadable(error)

    def _unanswered(self, error: SchedulerError) -> None:
        """Nobody answers: an outage when it lasts."""
        now = self._clock.now()
        before = (self._frozen, self._wants_key)
        self._frozen, self._wants_key = error.code in _SILENT, isinstance(error, KeyWanted)
        if self._unreachable_since is not None:
            if before != (self._frozen, self._wants_key):
                self._changed()
            return
        if self._answered_at is not None and now - self._answered_at < SILENCE_TOLERATED:
            return
        self._unreachable_since = self._answered_at or now
        log.warning("cluster.not_answering", error=type(error).__name__, detail=str(error))
        self._changed()

    def _unreadable(self, error: SchedulerError) -> None:
        """Something answers, but tells no status: what was reported before is worth less and less."""
        now = self._clock.now()
        was_unreachable, self._unreachable_since = self._unreachable_since is not None, None
        self._answered_at = now
        became_blind = not self._blind and (
            self._received_at is None or now - self._received_at >= SILENCE_TOLERATED
        )
        if became_blind:
            self._blind, self._proven = True, False
            log.warning("cluster.status_unreadable", error=type(error).__name__, detail=str(error))
        if became_blind or was_unreachable:
            self._changed()

    def _changed(self) -> None:
        self._metrics.cluster_usable.set(self._availability() is Availability.USABLE)
        self._listeners.tell()


class ClusterService:
    """What people do with the cluster: look, list models, get the join command, set the model.

    Whoever asks the scheduler for the same thing at the same time shares one call.
    """

    def __init__(self, scheduler: Scheduler, monitor: ClusterMonitor, web_page: str, clock: Clock) -> None:
        self._models = SharedCall(scheduler.models, clock)
        self._join_command = SharedCall(scheduler.join_command, clock)
        self._monitor = monitor
        self.web_page = web_page

    def view(self) -> ClusterView:
        """The cluster as last seen."""
        return self._monitor.view()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after every change of the view; returns how to end it."""
        return self._monitor.subscribe(listener)

    async def models(self) -> tuple[Model, ...]:
        """The models the scheduler listed within the last second. Raises :class:`SchedulerError`."""
        return await self._models.get(fresh=FRESH)

    async def join_command(self) -> JoinCommand | None:
        """How a node joins, as of the last second; None before there is a model.

        Raises :class:`SchedulerError`.
        """
        return await self._join_command.get(fresh=FRESH)

    async def known_model(self, name: str) -> Model:
        """The listed model with this name.

        Raises :class:`SchedulerError` with key ``error.model_unknown`` when it is not listed: initialising an
        unknown model stops the running cluster (recording 89), so it never gets that far, and a list from before
        this call is not good enough.
        """
        for model in await self._models.get():
            if model.name == name:
                return model
        raise SchedulerError(f"model {name!r} is not listed", key="error.model_unknown", model=name)
