"""What happens to the cluster, told to whoever listens and kept for later."""

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
from bot.domain.cluster.switch_steps import SwitchStore, set_by_us
from bot.errors import StorageError
from bot.presentation.status import Load
from bot.services.cluster.leadership import LASTS, Leadership
from bot.services.cluster.monitor import ClusterMonitor
from bot.tasks.listeners import Listeners

log = structlog.get_logger(__name__)

SAMPLE_EVERY = 60.0
# The newest half an hour is known more finely, in memory: what a chart shows of a bot that has just been started.
FINE_EVERY = 5.0
FINE_SECONDS = 1800.0
LOOK_APART = 1.0
KEPT_AGAIN_AFTER = 5.0
COMPACT_EVERY = 3600.0
FINE_FOR = 7 * 86_400.0
FIGURES_OVER = 3600.0
# Cards are drawn often; the medians of an hour change slowly.
FIGURES_KEPT = 10.0
EVENTS_COMPARED = 200


class ClusterRecorder:
    """Derives events at every change of the monitor's view, samples the cluster every minute. Every process does;
    the one that has the watch keeps them."""

    def __init__(
        self,
        monitor: ClusterMonitor,
        history: History,
        switches: SwitchStore,
        load: Callable[[], Awaitable[Load]],
        clock: Clock,
        leadership: Leadership,
    ) -> None:
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
        self._figures: tuple[float, Figures] | None = None
        self._lone = SingleNodePeriods()
        self._speeds: tuple[float, Mapping[str, float]] | None = None
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
        """Call ``listener`` for every event that this process has kept, which of several processes one does; a
        changed model has ``ours`` in its detail then. Returns how to end it."""
        return self._keepers.subscribe(listener)

    async def figures(self) -> Figures:
        """The answers of the last hour. Raises :class:`StorageError`."""
        now = self._clock.now()
        if self._figures is None or now - self._figures[0] > FIGURES_KEPT:
            self._figures = now, await self._history.figures(since=now - FIGURES_OVER, until=now)
        return self._figures[1]

    async def speeds(self) -> Mapping[str, float]:
        """The tokens per second of the last hour by node id, of the nodes of which they can be told. Raises
        :class:`StorageError`."""
        now = self._clock.now()
        if self._speeds is None or now - self._speeds[0] > FIGURES_KEPT:
            answers = await self._history.speeds(since=now - FIGURES_OVER, until=now)
            self._speeds = now, self._lone.speeds(answers)
        return self._speeds[1]

    async def samples(self, seconds: float) -> list[Sample]:
        """The cluster over the last ``seconds`` up to now, oldest first: every minute, or more finely when no more
        than half an hour is known. Empty when the cluster was never seen. Raises :class:`StorageError`."""
        await self._look_closely()
        since = self._clock.now() - seconds
        minutes = list(await self._history.samples(since=since))
        fine = [one for one in self._fine if one.at >= since]
        if not fine or (minutes and fine[-1].at - minutes[0].at > FINE_SECONDS):
            return minutes
        return [one for one in minutes if one.at + one.span <= fine[0].at] + fine

    async def run(self) -> None:
        """Keep what happened, until cancelled."""
        while True:
            try:
                await self.keep()
            except StorageError as error:
                # They stay, and are kept later.
                log.warning("recorder.not_kept", events=len(self._unkept), detail=str(error))
            await woken(self._happened, self._clock, KEPT_AGAIN_AFTER)

    async def keep(self) -> None:
        """Keep what happened since the last time, when that is for this process. Raises :class:`StorageError`."""
        if not self._unkept:
            return
        if not await self._leadership.is_ours(surely=True):
            # Whoever has the watch keeps them, unless it has ended without a word.
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
        """These without what the process before us has kept."""
        if self._kept_before:
            return list(events)
        kept = await self._history.events(since=events[0].at - LASTS, limit=EVENTS_COMPARED)
        known = {(event.kind, event.subject) for event in kept}
        return [event for event in events if (event.kind, event.subject) not in known]

    async def _explained(self, events: Sequence[ClusterEvent]) -> list[ClusterEvent]:
        """These, with whether this bot set the model."""
        explained: list[ClusterEvent] = []
        for event in events:
            if event.kind is EventKind.MODEL_CHANGED and event.subject:
                claimed = await self._switches.last_claimed()
                since = claimed.claimed_at or 0.0 if claimed is not None else event.at
                kept = await self._history.events(since=since, limit=EVENTS_COMPARED, kind=event.kind)
                before = [*kept, *(one for one in explained if one.kind is event.kind)]
                ours = set_by_us(event, claimed, before)
                event = replace(event, detail={**event.detail, "ours": ours})  # noqa: PLW2901
            explained.append(event)
        return explained

    async def keep_samples(self) -> None:
        """Sample the cluster and make hours of what is old, until cancelled."""
        compacted = float("-inf")
        begun = self._clock.now()
        while True:
            try:
                await self._look_closely()
                if self._clock.now() - begun >= SAMPLE_EVERY:
                    if await self._leadership.is_ours(surely=True):
                        await self._history.add_sample(await self._sample(begun, at=begun))
                    begun = self._clock.now()
                # At the start too: a bot that is restarted every hour has a history like any other.
                if self._clock.monotonic() - compacted >= COMPACT_EVERY:
                    compacted = self._clock.monotonic()
                    await self._history.compact(before=self._clock.now() - FINE_FOR)
            except StorageError as error:
                log.warning("recorder.not_sampled", detail=str(error))
            await self._clock.sleep(FINE_EVERY)

    async def _look_closely(self) -> None:
        now = self._clock.now()
        last = self._fine[-1].at if self._fine else None
        if self._monitor.view().received_at is None or (last is not None and now - last < LOOK_APART):
            return
        self._fine.append(await self._sample(now if last is None else last, at=now))

    async def _sample(self, begun: float, *, at: float) -> Sample:
        """What is there now, and the answers since ``begun``, as a sample of the moment ``at``."""
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
        events = self._reader.observe(seen, now)
        if not events:
            return
        self._unkept.extend(events)
        self._happened.set()
        for event in events:
            log.info("cluster.event", kind=event.kind.value, subject=event.subject)
            self._listeners.tell(event)
