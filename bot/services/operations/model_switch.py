"""The guided switch of the cluster's model, in steps that the scheduler's status confirms.

An init while workers are connected strands the cluster (recordings 72 to 78), one with an unknown model stops it
(recording 89). The steps: pause the queue, wait for the running answers, let people stop the workers, send one
init, let people start the workers, wait until the cluster is usable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from bot.clock import Clock, woken
from bot.domain.cluster.audit import AuditEntry, AuditLog, Json
from bot.domain.cluster.switch_steps import (
    PATIENCE,
    Step,
    Switch,
    SwitchObservation,
    SwitchState,
    SwitchStore,
    advance,
    may_initialise,
    needs_init,
    trouble,
)
from bot.domain.scheduler import Scheduler
from bot.errors import SchedulerError, SchedulerUnreachable, StorageError
from bot.i18n.catalogue import say
from bot.presentation.model_switch import switch_card
from bot.presentation.status import Card
from bot.services.cluster.monitor import Availability, ClusterService
from bot.services.cluster.recorder import ClusterRecorder
from bot.services.queue.dispatcher import Dispatcher
from bot.services.queue.gate import Gate
from bot.services.requests.overview import QueueOverview
from bot.tasks.listeners import Listeners

log = structlog.get_logger(__name__)

# In seconds, while a switch is open. Without one, another process may have begun a switch.
LOOK_EVERY = 1.0
LOOK_IDLE = 5.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A switch as an operator confirms it. ``plan_id`` becomes its id, so that two presses are one switch;
    ``cluster`` is the name of the cluster that gets the model."""

    plan_id: str
    model: str
    nodes: int
    local_network: bool
    cluster: str = ""


class ModelSwitcher:
    """Begins switches of one cluster and carries out the one that is open, even if another process began it."""

    def __init__(
        self,
        *,
        scheduler: Scheduler,
        cluster: ClusterService,
        recorder: ClusterRecorder,
        queue: QueueOverview,
        dispatcher: Dispatcher,
        gate: Gate,
        store: SwitchStore,
        audit: AuditLog,
        clock: Clock,
        name: str = "",
        names_cluster: bool = False,
    ) -> None:
        """``name`` is the cluster's; ``names_cluster``: cards show it, because there are several clusters."""
        self._name = name
        self._names_cluster = names_cluster
        self._scheduler = scheduler
        self._cluster = cluster
        self._recorder = recorder
        self._queue = queue
        self._dispatcher = dispatcher
        self._gate = gate
        self._store = store
        self._audit = audit
        self._clock = clock
        self._wake = asyncio.Event()
        self._listeners = Listeners[[]](clock)
        self._under_way = False
        cluster.subscribe(self._wake.set)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` whenever a switch may look different; returns how to end it."""
        return self._listeners.subscribe(listener)

    async def begin(self, plan: Plan, *, by: int, paused_before: bool | None = None) -> Switch:
        """Start the switch, or return the one that is under way.

        ``paused_before``: whether operators paused the queue themselves, so that it stays paused (None: read it).
        Raises :class:`SchedulerError` for a model that is not listed, :class:`StorageError`."""
        await self._cluster.known_model(plan.model)
        status = self._cluster.view().status
        now = self._clock.now()
        listed = len(status.nodes) if status is not None else 0
        previous = await self._running_model(plan.model)
        wanted = Switch(
            switch_id=plan.plan_id,
            model=plan.model,
            nodes=plan.nodes,
            local_network=plan.local_network,
            previous_model=previous,
            previous_nodes=status.init_nodes if status is not None and status.model == previous else None,
            by=by,
            started_at=now,
            step_since=now,
            drained=await self._queue.running_everywhere(self._name),
            workers=max(listed, self._recorder.life.returning(now), self._recorder.life.hidden),
            paused_before=await self._queue.is_paused(self._name) if paused_before is None else paused_before,
            cluster=self._name,
        )
        switch = await self._store.open(wanted)
        if switch == wanted:
            if not switch.paused_before:
                reason = say(None, "switch.reason", model=switch.model)
                await self._queue.hold(reason, by=by, cluster=self._name)
            await self._note(by, "cluster.switch", switch)
            self._under_way = True
        self._changed()
        return switch

    async def _running_model(self, wanted: str) -> str | None:
        """The model that runs or ran last, to which a switch to ``wanted`` can go back.

        A model that the status names may never have run: the scheduler names one that it did not accept as well.
        What ran last is then what answered last.
        """
        status = self._cluster.view().status
        if status is not None and status.usable:
            return status.model
        last = await self._recorder.last_model()
        return last if last != wanted else None

    async def current(self) -> Switch | None:
        """The switch that is under way. Raises :class:`StorageError`."""
        return await self._store.current()

    @property
    def is_under_way(self) -> bool:
        """Whether a switch is open, so that people stop and start workers."""
        return self._under_way

    async def get(self, switch_id: str) -> Switch | None:
        """A switch by its id. Raises :class:`StorageError`."""
        return await self._store.get(switch_id)

    async def cancel(self, switch_id: str, *, by: int) -> Switch | None:
        """End a switch: no further step is taken, and the queue is resumed. None when there is no such switch."""
        switch = await self._store.get(switch_id)
        if switch is None or switch.state is not SwitchState.OPEN:
            return switch
        ended = replace(switch, state=SwitchState.CANCELLED, finished_at=self._clock.now())
        if await self._store.save(ended):
            await self._release(ended, by)
            await self._note(by, "cluster.switch_cancelled", ended)
        self._changed()
        return ended

    async def back(self, switch_id: str, *, by: int, plan_id: str) -> Switch | None:
        """Switch back to the previous model by the same steps. None when there is none."""
        switch = await self._store.get(switch_id)
        if switch is None or switch.previous_model is None:
            return switch
        if switch.state is SwitchState.OPEN:
            replaced = replace(switch, state=SwitchState.REPLACED, finished_at=self._clock.now())
            await self._store.save(replaced)
        # The queue stays paused in between: a question that left now would be interrupted at once.
        held = switch.paused_before if switch.state is SwitchState.OPEN else None
        nodes = switch.previous_nodes or switch.nodes
        plan = Plan(plan_id, switch.previous_model, nodes, switch.local_network, switch.cluster)
        return await self.begin(plan, by=by, paused_before=held)

    async def card(self, switch: Switch, locale: str) -> Card:
        """The card that shows the progress. Raises :class:`StorageError`."""
        observation = await self._observe()
        return switch_card(
            locale,
            switch,
            status=observation.status,
            running=observation.running,
            returning=observation.returning,
            hidden=observation.hidden,
            trouble=trouble(switch, observation, self._clock.now()),
            names_cluster=self._names_cluster,
        )

    async def run(self) -> None:
        """Carry out what is under way, until cancelled."""
        while True:
            busy = True
            try:
                busy = await self.look()
            except StorageError as error:
                log.warning("switch.not_followed", detail=str(error))
            await woken(self._wake, self._clock, LOOK_EVERY if busy else LOOK_IDLE)

    async def look(self) -> bool:
        """Take the steps that the status allows; False when no switch is open. Raises :class:`StorageError`."""
        switch = await self._store.current()
        if self._under_way or switch is not None:
            # Another process may have taken the step that pauses or resumes the queue.
            await self._gate.refresh()
            self._listeners.tell()
        self._under_way = switch is not None
        if switch is None:
            return False
        now = self._clock.now()
        if switch.step is Step.DRAIN and now - switch.step_since > PATIENCE[Step.DRAIN]:
            self._dispatcher.interrupt(self._name)
        observation = await self._observe()
        moved = advance(switch, observation, now)
        if needs_init(moved, observation, now):
            moved = await self._initialise(moved)
        if moved != switch and await self._store.save(moved):
            log.info("switch.step", model=moved.model, step=moved.step.value, state=moved.state.value)
            if moved.state is SwitchState.DONE:
                await self._release(moved, moved.by)
                await self._note(moved.by, "cluster.switched", moved)
            self._changed()
        self._listeners.tell()
        return moved.state is SwitchState.OPEN

    async def _initialise(self, switch: Switch) -> Switch:
        now = self._clock.now()
        try:
            await self._cluster.known_model(switch.model)
        except SchedulerError as error:
            # Nothing was sent: the next look tries again.
            log.warning("cluster.init_waits", model=switch.model, detail=str(error))
            return switch
        observation = await self._observe()
        if not may_initialise(observation):
            # A worker may have been started again since the last report without one.
            log.warning("cluster.init_unsafe", model=switch.model)
            listed = len(observation.status.nodes) if observation.status is not None else 0
            workers = max(switch.workers, listed, observation.returning)
            return replace(switch, step=Step.STOP, step_since=now, workers=workers)
        if not await self._store.claim_init(switch.switch_id, now=now, before=switch.claimed_at):
            return await self._store.get(switch.switch_id) or switch
        log.warning(
            "cluster.init", model=switch.model, nodes=switch.nodes, local=switch.local_network, by=switch.by
        )
        claimed = replace(switch, claimed_at=now, initialised=None)
        try:
            await self._scheduler.initialise(switch.model, switch.nodes, local_network=switch.local_network)
        except SchedulerUnreachable as error:
            # The scheduler may have executed it: the status will show.
            log.error("cluster.init_unanswered", model=switch.model, detail=str(error))
            return claimed
        except SchedulerError as error:
            log.error("cluster.init_failed", model=switch.model, status=error.status, detail=str(error))
            return replace(claimed, initialised=False)
        return replace(claimed, initialised=True)

    async def _observe(self) -> SwitchObservation:
        view = self._cluster.view()
        attempts = view.availability not in {Availability.UNREACHABLE, Availability.UNKNOWN}
        life = self._recorder.life
        return SwitchObservation(
            view.status if attempts else None,
            await self._queue.running_everywhere(self._name),
            self._recorder.stranded,
            returning=life.returning(self._clock.now()),
            hidden=life.hidden,
            model_lost_at=life.model_lost_at,
            connected_at=view.connected_at,
        )

    async def _release(self, switch: Switch, by: int) -> None:
        if not switch.paused_before:
            await self._queue.release(by=by, cluster=self._name)

    async def _note(self, by: int, action: str, switch: Switch) -> None:
        detail: dict[str, Json] = {"model": switch.model, "nodes": switch.nodes, "before": switch.previous_model}
        if switch.cluster:
            detail["cluster"] = switch.cluster
        await self._audit.record(AuditEntry(self._clock.now(), by, action, detail))

    def _changed(self) -> None:
        self._wake.set()
        self._listeners.tell()
