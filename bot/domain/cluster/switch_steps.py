"""The steps of a model switch. Pure: what the status shows decides which step is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from bot.domain.cluster.events import ClusterEvent
from bot.domain.status import ClusterStatus, NodeState


class Step(StrEnum):
    """The steps in their order. The values are the last part of catalogue keys under ``switch.step_``."""

    DRAIN = "drain"
    STOP = "stop"
    INIT = "init"
    START = "start"
    USABLE = "usable"


STEPS = tuple(Step)


class SwitchState(StrEnum):
    """The state of a switch; only ``open`` is not final."""

    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Switch:
    """A model switch as it is stored. Times in epoch seconds.

    ``initialised`` is None while the scheduler has not answered an init that was claimed. ``paused_before``: an
    operator had paused the queue before the switch, so it stays paused afterwards. ``cluster`` is the name of the
    cluster that gets the model; empty where it has none.
    """

    switch_id: str
    model: str
    nodes: int
    local_network: bool
    previous_model: str | None
    previous_nodes: int | None
    by: int
    started_at: float
    state: SwitchState = SwitchState.OPEN
    step: Step = Step.DRAIN
    step_since: float = 0.0
    claimed_at: float | None = None
    initialised: bool | None = None
    drained: int = 0
    workers: int = 0
    paused_before: bool = False
    finished_at: float | None = None
    cluster: str = ""


# How long a step may take before its remedy is shown, in seconds. A worker is listed after 11 to 14 s and works
# 10 s later (docs/parallax-api.md); the rest is time for people to reach the machines.
PATIENCE = {Step.DRAIN: 120.0, Step.STOP: 60.0, Step.INIT: 30.0, Step.START: 120.0, Step.USABLE: 60.0}


@dataclass(frozen=True, slots=True)
class SwitchObservation:
    """The facts that decide about the next step. Times in epoch seconds.

    ``status`` is the newest report (None: the scheduler does not answer), ``running`` the number of answers still
    running. ``returning``: workers that ran before a restart of the scheduler and may still come back.
    ``hidden``: workers that ran when somebody's init failed, and that the scheduler does not list any more.
    ``model_lost_at``: when the scheduler was last seen to have lost its model, which only a restart does.
    ``connected_at``: when the connection that brings the reports was opened.
    """

    status: ClusterStatus | None
    running: int
    stranded: bool
    returning: int = 0
    hidden: int = 0
    model_lost_at: float | None = None
    connected_at: float | None = None


def may_initialise(observation: SwitchObservation) -> bool:
    """Whether an init is safe now: the scheduler answers, it lists no worker that an init would strand, and none
    is about to come back."""
    return observation.status is not None and not observation.status.nodes and observation.returning == 0


# In seconds. So long the switch waits for people to stop workers that are not listed.
HIDDEN_FOR = 45.0
# An init may be on its way for as long as the client waits for its answer.
UNANSWERED_INIT = 150.0
# Once an init was accepted, the next report names its model.
ACCEPTED_INIT = 5.0


def init_was_lost(switch: Switch, observation: SwitchObservation, now: float) -> bool:
    """Whether the scheduler was restarted after this switch's init was claimed, so that it has no model again.

    A report without a model proves that if one with a model came before it, or if its connection was opened after
    the claim and the init is not on its way any more.
    """
    claimed, status = switch.claimed_at, observation.status
    if claimed is None or switch.initialised is False or status is None or not status.has_no_model:
        return False
    if observation.model_lost_at is not None and observation.model_lost_at > claimed:
        return True
    over = now - switch.step_since > ACCEPTED_INIT if switch.initialised else now - claimed > UNANSWERED_INIT
    return over and observation.connected_at is not None and observation.connected_at > claimed


def needs_init(switch: Switch, observation: SwitchObservation, now: float) -> bool:
    """Whether the init is to be sent: once, and once more for every restart of the scheduler that lost it."""
    if switch.state is not SwitchState.OPEN or switch.step is not Step.INIT:
        return False
    return switch.claimed_at is None or init_was_lost(switch, observation, now)


def advance(switch: Switch, observation: SwitchObservation, now: float) -> Switch:
    """The switch after one observation, with the steps passed that the observation shows as done.

    :attr:`Step.INIT` is not passed on a report alone: it needs an init that was accepted, or one without an answer
    whose model the status shows. A restart of the scheduler after that leads back to :attr:`Step.STOP`: workers
    that were started meanwhile come back by themselves, and would be stranded by the next init.
    """
    if switch.step in {Step.START, Step.USABLE} and init_was_lost(switch, observation, now):
        seen = len(observation.status.nodes) if observation.status is not None else 0
        workers = max(seen, observation.returning)
        switch = replace(switch, step=Step.STOP, step_since=now, initialised=None, workers=workers)
    while switch.state is SwitchState.OPEN and _is_done(switch, observation, now):
        following = STEPS.index(switch.step) + 1
        if following == len(STEPS):
            return replace(switch, state=SwitchState.DONE, finished_at=now)
        switch = replace(switch, step=STEPS[following], step_since=now)
    return switch


def _is_done(switch: Switch, observation: SwitchObservation, now: float) -> bool:
    status = observation.status
    match switch.step:
        case Step.DRAIN:
            return observation.running == 0
        case Step.STOP:
            # No report shows whether hidden workers were stopped: people get the time to do it.
            waited = observation.hidden == 0 or now - switch.step_since > HIDDEN_FOR
            return waited and may_initialise(observation)
        case Step.INIT:
            # An init without an answer may have happened all the same: then the status shows the model.
            if switch.initialised is not None or switch.claimed_at is None:
                return switch.initialised is True
            came = status is not None and status.model == switch.model and not status.has_failed_init
            return came and switch.previous_model != switch.model
        case Step.START:
            return status is not None and status.model == switch.model and len(status.nodes) >= switch.nodes
        case Step.USABLE:
            return (
                status is not None and status.model == switch.model and status.usable and not observation.stranded
            )


def trouble(switch: Switch, observation: SwitchObservation, now: float) -> str | None:
    """The catalogue key of the problem and its remedy; None when there is no problem."""
    if switch.state is not SwitchState.OPEN:
        return None
    if observation.status is None:
        return "switch.trouble_unreachable"
    if switch.initialised is False:
        return "switch.trouble_init"
    if switch.step in {Step.START, Step.USABLE}:
        if observation.stranded:
            return "switch.trouble_stranded"
        if observation.status.model not in {switch.model, None}:
            return "switch.trouble_model"
        if observation.status.need_more_nodes:
            return "switch.trouble_memory"
    if now - switch.step_since <= PATIENCE[switch.step]:
        return None
    if switch.step is Step.STOP and _may_be_dead(observation.status):
        return "switch.late_stop_dead"
    return f"switch.late_{switch.step.value}"


def _may_be_dead(status: ClusterStatus) -> bool:
    """Whether a listed worker is one that the scheduler never removes from its list, even if it was killed: it
    checks the heartbeats of active nodes only (docs/parallax-api.md)."""
    return any(node.state is NodeState.WAITING for node in status.nodes)


# An init shows in the status within seconds; a scheduler that was frozen meanwhile has been restarted by then.
EXPLAINS_FOR = 3600.0


def set_by_us(change: ClusterEvent, claimed: Switch | None, since: Sequence[ClusterEvent]) -> bool:
    """Whether this bot's last init caused a change of the model.

    ``claimed`` is the switch whose init was claimed last, in any process. ``since`` are the changes of the model
    that were seen after that claim and before ``change``: one init explains one change.
    """
    if claimed is None or claimed.claimed_at is None or claimed.initialised is False:
        return False
    fresh = claimed.claimed_at <= change.at <= claimed.claimed_at + EXPLAINS_FOR
    return fresh and claimed.model == change.subject and not any(one.subject for one in since)


class SwitchStore(Protocol):
    """The store of one cluster's switches. At most one is open, for any number of processes. Raises only
    :class:`StorageError`."""

    async def open(self, switch: Switch) -> Switch:
        """Store ``switch`` as the open one, or return the one that is open already."""
        ...

    async def current(self) -> Switch | None:
        """The open switch, or None."""
        ...

    async def get(self, switch_id: str) -> Switch | None:
        """The switch with this id, of any cluster, or None."""
        ...

    async def last_claimed(self) -> Switch | None:
        """The switch whose init was claimed last; None when none ever was."""
        ...

    async def claim_init(self, switch_id: str, *, now: float, before: float | None = None) -> bool:
        """Claim the right to send this switch's init: True exactly once, in one process. ``before`` is the claim
        whose init a restart of the scheduler has lost; None for the first one."""
        ...

    async def save(self, switch: Switch) -> bool:
        """Store the progress of a switch; returns False and changes nothing when it has ended meanwhile."""
        ...
