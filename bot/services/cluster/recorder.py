"""Derives events and samples of the cluster, tells listeners about events, and stores both."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

import structlog

from bot.clock import Clock, woken
from bot.domain.cluster.events import ClusterEvent, EventKind, EventReader
from bot.domain.cluster.history import Figures, History, Sample
from bot.domain.cluster.node_speed import SingleNodePeriods
from bot.domain.cluster.scheduler_life import SchedulerLife
from bot.domain.cluster.switch_steps import SwitchStore, set_by_us
from bot.errors import StorageError
from bot.presentation.status import Load
from bot.services.cluster.leadership import LASTS, Leadership
from bot.services.cluster.monitor import ClusterMonitor
from bot.services.cluster.shared_call import SharedCall
from bot.tasks.listeners import Listeners

log = structlog.get_logger(__name__)

# In seconds, as everything here. A sample is stored every minute; after a week, minutes become hours.
SAMPLE_EVERY = 60.0
MINUTES_FOR = 7 * 86_400.0
COMPACT_EVERY = 3600.0
# Samples of the newest half an hour are in memory: the chart of a bot that has just been started is made of them.
FINE_EVERY = 5.0
FINE_SECONDS = 1800.0
FINE_APART = 1.0
STORE_AGAIN_AFTER = 5.0
FIGURES_OVER = 3600.0
# Cards are drawn often; the medians of an hour change slowly.
FIGURES_FRESH = 10.0
EVENTS_COMPARED = 200
# Events that wait to be stored, at most: the database may be away for hours.
MOST_UNKEPT = 1_000


class ClusterRecorder:
    """Derives events at every change of the monitor's view and samples the cluster every minute. Every process
    does this; only the leader stores them."""

    def __init__(
        self,
        monitor: ClusterMonitor,
        history: History,
        switches: SwitchStore,
        load: Callable[[], Awaitable[Load]],
        clock: Clock,
        leadership: Leadership,
        name: str = "",
    ) -> None:
        """``name`` is the cluster's, for the log; empty when it has none."""
        self._log = log.bind(cluster=name) if name else log
        self._monitor = monitor
        self._history = history
        self._switches = switches
        self._load = load
        self._clock = clock
        self._leadership = leadership
        self._reader = EventReader()
        self._listeners = Listeners[[ClusterEvent]](clock)
        self._keepers = Listeners[[ClusterEvent]](clock)
        self._unkept: list[ClusterEvent] = []
        self._happened = asyncio.Event()
        self._kept_before = False
        self._lone = SingleNodePeriods()
        self.life = SchedulerLife()
        self._figures = SharedCall(self._read_figures, clock)
        self._speeds = SharedCall(self._read_speeds, clock)
        self._fine: deque[Sample] = deque(maxlen=int(FINE_SECONDS / FINE_EVERY))
        monitor.subscribe(self._look)

    @property
    def stranded(self) -> bool:
        """Whether an init has stranded the cluster: it waits for good."""
        return self._reader.stranded

    def subscribe(self, listener: Callable[[ClusterEvent], None]) -> Callable[[], None]:
        """Call ``listener`` for every event, in order, as soon as it is seen; returns how to end it."""
        return self._listeners.subscribe(listener)

    def subscribe_kept(self, listener: Callable[[ClusterEvent], None]) -> Callable[[], None]:
        """Call ``listener`` for every event that this process has stored; only the leader does. A changed model
        has ``ours`` in its detail then. Returns how to end it."""
        return self._keepers.subscribe(listener)

    async def figures(self) -> Figures:
        """The answers of the last hour. Raises :class:`StorageError`."""
        return await self._figures.get(fresh=FIGURES_FRESH)

    async def speeds(self) -> Mapping[str, float]:
        """The tokens per second of the last hour by node id, where known. Raises :class:`StorageError`."""
        return await self._speeds.get(fresh=FIGURES_FRESH)

    async def _read_figures(self) -> Figures:
        now = self._clock.now()
        return await self._history.figures(since=now - FIGURES_OVER, until=now)

    async def _read_speeds(self) -> Mapping[str, float]:
        now = self._clock.now()
        return self._lone.speeds(await self._history.speeds(since=now - FIGURES_OVER, until=now))

    async def last_model(self) -> str | None:
        """The model that answered last, as the newest answers say. Raises :class:`StorageError`."""
        return await self._history.last_model()

    async def samples(self, seconds: float) -> list[Sample]:
        """The cluster over the last ``seconds`` up to now, oldest first: every minute, or more finely when no more
        than half an hour is known. Empty when the cluster was never seen. Raises :class:`StorageError`."""
        await self._add_fine_sample()
        since = self._clock.now() - seconds
        minutes = list(await self._history.samples(since=since))
        fine = [one for one in self._fine if one.at >= since]
        if not fine or (minutes and fine[-1].at - minutes[0].at > FINE_SECONDS):
            return minutes
        return [one for one in minutes if one.at + one.span <= fine[0].at] + fine

    async def run(self) -> None:
        """Store events until cancelled."""
        while True:
            try:
                await self.keep()
            except StorageError as error:
                # They stay in the list and are stored later.
                log.warning("recorder.events_not_stored", events=len(self._unkept), detail=str(error))
            await woken(self._happened, self._clock, STORE_AGAIN_AFTER)

    async def keep(self) -> None:
        """Store the events since the last time if this process is the leader. Raises :class:`StorageError`."""
        if not self._unkept:
            return
        if not await self._leadership.is_ours(surely=True):
            # The leader stores them, unless it has just crashed: then this process does, as the next leader.
            self._kept_before = False
            oldest = self._clock.now() - 2 * LASTS
            self._unkept = [event for event in self._unkept if event.at >= oldest]
            return
        seen = list(self._unkept)
        events = await self._explained(await self._unknown(seen))
        await self._history.add_events(events)
        del self._unkept[: len(seen)]
        self._kept_before = True
        for event in events:
            self._keepers.tell(event)

    async def _unknown(self, events: Sequence[ClusterEvent]) -> list[ClusterEvent]:
        """The events without those that the leader before this process has stored."""
        if self._kept_before:
            return list(events)
        kept = await self._history.events(since=events[0].at - LASTS, limit=EVENTS_COMPARED)
        known = {(event.kind, event.subject) for event in kept}
        return [event for event in events if (event.kind, event.subject) not in known]

    async def _explained(self, events: Sequence[ClusterEvent]) -> list[ClusterEvent]:
        """The events; a change of the model says in its detail whether this bot made it (``ours``)."""
        explained: list[ClusterEvent] = []
        for event in events:
            if event.kind is EventKind.MODEL_CHANGED and event.subject:
                claimed = await self._switches.last_claimed()
                since = claimed.claimed_at or 0.0 if claimed is not None else event.at
                kept = await self._history.events(since=since, limit=EVENTS_COMPARED, kind=event.kind)
                before = [*kept, *(one for one in explained if one.kind is event.kind)]
                ours = set_by_us(event, claimed, before)
                event = replace(event, detail={**event.detail, "ours": ours})  # noqa: PLW2901  # the same one
            explained.append(event)
        return explained

    async def keep_samples(self) -> None:
        """Store samples and merge old ones into hours, until cancelled."""
        compacted = float("-inf")
        begun = self._clock.now()
        while True:
            try:
                await self._add_fine_sample()
                if self._clock.now() - begun >= SAMPLE_EVERY:
                    if await self._leadership.is_ours(surely=True):
                        await self._history.add_sample(await self._sample(begun, at=begun))
                    begun = self._clock.now()
                # At the start too: otherwise a bot that is restarted every hour would never do it.
                if self._clock.monotonic() - compacted >= COMPACT_EVERY:
                    compacted = self._clock.monotonic()
                    await self._history.compact(before=self._clock.now() - MINUTES_FOR)
            except StorageError as error:
                log.warning("recorder.sample_not_stored", detail=str(error))
            await self._clock.sleep(FINE_EVERY)

    async def _add_fine_sample(self) -> None:
        now = self._clock.now()
        last = self._fine[-1].at if self._fine else None
        if self._monitor.view().received_at is None or (last is not None and now - last < FINE_APART):
            return
        self._fine.append(await self._sample(now if last is None else last, at=now))

    async def _sample(self, begun: float, *, at: float) -> Sample:
        """A sample for the moment ``at``: the state now and the answers since ``begun``."""
        now = self._clock.now()
        status = self._monitor.view().status
        load = await self._load()
        figures = await self._history.figures(since=begun, until=now)
        return Sample(
            at=at,
            span=now - begun,
            waiting=load.waiting,
            running=load.running,
            nodes_ready=status.ready_nodes if status is not None else 0,
            nodes_listed=len(status.nodes) if status is not None else 0,
            answers=figures.answers,
            ttft=figures.ttft,
            tokens_per_second=figures.tokens_per_second,
        )

    def _look(self) -> None:
        seen, now = self._monitor.seen(), self._clock.now()
        self._lone.observe(seen, now)
        self.life.observe(seen, now)
        events = self._reader.observe(seen, now)
        if not events:
            return
        self._unkept.extend(events)
        del self._unkept[:-MOST_UNKEPT]
        self._happened.set()
        for event in events:
            self._log.info("cluster.event", kind=event.kind.value, subject=event.subject)
            self._listeners.tell(event)
