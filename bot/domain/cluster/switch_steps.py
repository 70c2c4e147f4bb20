"""The steps of a model switch. Pure: what the status shows decides which step is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from bot.domain.cluster.events import ClusterEvent
from bot.domain.status import ClusterStatus


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
    operator had paused the queue before the switch, so it stays paused afterwards.
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


# How long a step may take before its remedy is shown, in seconds. A worker is listed after 11 to 14 s and works
# 10 s later (docs/parallax-api.md); the rest is time for people to reach the machines.
PATIENCE = {Step.DRAIN: 120.0, Step.STOP: 60.0, Step.INIT: 30.0, Step.START: 120.0, Step.USABLE: 60.0}


@dataclass(frozen=True, slots=True)
class SwitchObservation:
    """The facts that decide about the next step: the newest report (None: the scheduler does not answer), the
    number of answers still running, and whether the cluster is stranded."""

    status: ClusterStatus | None
    running: int
    stranded: bool


def may_initialise(observation: SwitchObservation) -> bool:
    """Whether an init is safe now: the scheduler answers and lists no worker that an init would strand."""
    return observation.status is not None and not observation.status.nodes


def advance(switch: Switch, observation: SwitchObservation, now: float) -> Switch:
    """The switch after one observation, with the steps passed that the observation shows as done.

    :attr:`Step.INIT` is not passed on a report alone: it needs an init that was accepted, or one without an answer
    whose model the status shows.
    """
    while switch.state is SwitchState.OPEN and _is_done(switch, observation):
        following = STEPS.index(switch.step) + 1
        if following == len(STEPS):
            return replace(switch, state=SwitchState.DONE, finished_at=now)
        switch = replace(switch, step=STEPS[following], step_since=now)
    return switch


def _is_done(switch: Switch, observation: SwitchObservation) -> bool:
    status = observation.status
    match switch.step:
        case Step.DRAIN:
            return observation.running == 0
        case Step.STOP:
            return may_initialise(observation)
        case Step.INIT:
            # An init without an answer may have happened all the same: then the status shows the model.
            came = switch.claimed_at is not None and status is not None and status.model == switch.model
            return switch.initialised is True or (came and switch.previous_model != switch.model)
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
        if observation.status.model != switch.model:
            return "switch.trouble_model"
        if observation.status.need_more_nodes:
            return "switch.trouble_memory"
    late = now - switch.step_since > PATIENCE[switch.step]
    return f"switch.late_{switch.step.value}" if late else None


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
    """The store of switches. At most one is open, for any number of processes. Raises only
    :class:`StorageError`."""

    async def open(self, switch: Switch) -> Switch:
        """Store ``switch`` as the open one, or return the one that is open already."""
        ...

    async def current(self) -> Switch | None:
        """The open switch, or None."""
        ...

    async def get(self, switch_id: str) -> Switch | None:
        """The switch with this id, or None."""
        ...

    async def last_claimed(self) -> Switch | None:
        """The switch whose init was claimed last; None when none ever was."""
        ...

    async def claim_init(self, switch_id: str, *, now: float) -> bool:
        """Claim the right to send this switch's only init: True exactly once, in one process."""
        ...

    async def save(self, switch: Switch) -> bool:
        """Store the progress of a switch; returns False and changes nothing when it has ended meanwhile."""
        ...
