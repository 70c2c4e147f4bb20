"""Trouble told once, and told again when it has passed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import structlog

from bot.clock import Clock
from bot.cluster.events import ClusterEvent, EventKind
from bot.cluster.records import AlertChannel, Boards, OpenAlert
from bot.errors import DeliveryError, StorageError
from bot.inference import ClusterStatus
from bot.rendering.alerts import model_text, recovery_text, trouble_text
from bot.services.cluster import Availability, ClusterService
from bot.services.journal import Journal
from bot.services.nodes import NodeBook

log = structlog.get_logger(__name__)

# Trouble that passes within this is a blink; nodes flap.
SETTLES_AFTER = 3.0
# What comes and goes is told again at most this often.
COOL_DOWN = 300.0
LOOK_EVERY = 15.0
# A node that was away this long has left; its return is news, not a recovery.
FORGOTTEN_AFTER = 7 * 86_400.0

Key = tuple[str, str]


class Teller(Protocol):
    """Sends one line to a channel. Raises only :class:`DeliveryError`."""

    async def tell(
        self, channel_id: int, text: str, *, role_id: int | None = None, user_ids: Sequence[int] = ()
    ) -> None:
        """Send ``text``, pinging this role and these people and nobody else."""
        ...


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong since ``since``, with what its sentence needs."""

    since: float
    gpu: str = ""


class Alerts:
    """Compares what is wrong with what was told: whoever starts anew tells only the difference."""

    def __init__(
        self,
        store: Boards,
        teller: Teller,
        cluster: ClusterService,
        journal: Journal,
        nodes: NodeBook,
        clock: Clock,
        *,
        is_ours: Callable[[str], bool],
        is_switching: Callable[[], bool],
    ) -> None:
        """``is_ours(model)``: whether this bot set the model last; ``is_switching()``: whether workers leave
        because operators were told to stop them."""
        self._store = store
        self._teller = teller
        self._cluster = cluster
        self._journal = journal
        self._nodes = nodes
        self._clock = clock
        self._wake = asyncio.Event()
        self._since: dict[Key, Trouble] = {}
        self._lost: dict[str, Trouble] = {}
        self._told: dict[Key, float] = {}
        self._passing: dict[Key, float] = {}
        self._was_usable = False
        self._is_ours = is_ours
        self._is_switching = is_switching
        self._news: deque[ClusterEvent] = deque(maxlen=50)
        journal.subscribe(self._happened)

    async def run(self) -> None:
        """Tell what has to be told, until cancelled."""
        await self._remember()
        while True:
            try:
                pause = await self._look()
            except StorageError as error:
                log.warning("alerts.not_looked", detail=str(error))
                pause = LOOK_EVERY
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)
            self._wake.clear()

    async def _remember(self) -> None:
        """Nodes that were told to be lost are still missed after a restart."""
        for alert in await self._store.open_alerts():
            if alert.kind == EventKind.NODE_LOST:
                self._lost[alert.subject] = Trouble(alert.since)

    def _happened(self, event: ClusterEvent) -> None:
        if event.kind is EventKind.NODE_LOST:
            self._lost[event.subject] = Trouble(event.at, str(event.detail.get("gpu") or ""))
        if event.kind is EventKind.MODEL_CHANGED and event.subject:
            self._news.append(event)
        self._was_usable = self._was_usable or event.kind is EventKind.WAITING
        self._wake.set()

    def _wrong(self) -> Iterator[tuple[Key, Trouble]]:
        """What is wrong at this moment."""
        now, view = self._clock.now(), self._cluster.view()
        if view.availability is Availability.UNREACHABLE:
            kind = EventKind.FROZEN if view.frozen else EventKind.NOT_ANSWERING
            yield (kind.value, ""), Trouble(view.unreachable_since or now)
            return
        if view.failing:
            yield (EventKind.FAILING.value, ""), Trouble(now)
        if view.status is None:
            return
        missing = list(self._missing(view.status, now))
        if not self._is_switching():
            yield from missing
            kind_of_wait = self._waits_for(view.status)
            if kind_of_wait is not None:
                yield (kind_of_wait.value, ""), Trouble(now)

    def _missing(self, status: ClusterStatus, now: float) -> Iterator[tuple[Key, Trouble]]:
        listed = {node.node_id for node in status.nodes}
        for node_id, trouble in list(self._lost.items()):
            if self._nodes.canonical(node_id) in listed or now - trouble.since > FORGOTTEN_AFTER:
                del self._lost[node_id]
            else:
                yield (EventKind.NODE_LOST.value, node_id), trouble

    def _waits_for(self, status: ClusterStatus) -> EventKind | None:
        if self._journal.stranded:
            return EventKind.STRANDED
        if status.need_more_nodes:
            return EventKind.NEEDS_NODES
        if status.usable:
            self._was_usable = False
        return EventKind.WAITING if self._was_usable else None

    async def _look(self) -> float:
        now = self._clock.now()
        await self._nodes.refresh()
        channels = await self._store.alert_channels()
        if not channels:
            # What nobody asked to be told is not news when somebody asks.
            self._lost.clear()
            self._news.clear()
            return LOOK_EVERY
        await self._tell_news(channels)
        wrong = dict(self._wrong())
        self._since = {key: self._since.get(key, trouble) for key, trouble in wrong.items()}
        told = {(alert.kind, alert.subject): alert for alert in await self._store.open_alerts()}
        waits = [LOOK_EVERY]
        for key, trouble in self._since.items():
            if key not in told:
                waits.append(await self._open(key, trouble, channels, now))
        for key, alert in told.items():
            if key in wrong:
                self._passing.pop(key, None)
            else:
                waits.append(await self._close(key, alert, channels, now))
        return max(0.1, min(waits))

    async def _tell_news(self, channels: Sequence[AlertChannel]) -> None:
        while self._news:
            event = self._news.popleft()
            for channel in channels:
                text = model_text(channel.locale, event.subject, at=event.at, ours=self._is_ours(event.subject))
                await self._send(channel, text, None, quiet=True)

    async def _open(self, key: Key, trouble: Trouble, channels: Sequence[AlertChannel], now: float) -> float:
        """Tell trouble that stays; returns in how many seconds to look again."""
        due = max(trouble.since + SETTLES_AFTER, self._told.get(key, 0.0) + COOL_DOWN)
        if due > now:
            return due - now
        self._told[key] = now
        if await self._store.open_alert(OpenAlert(key[0], key[1], trouble.since)):
            names, owner = self._label(key[1])
            for channel in channels:
                text = trouble_text(
                    channel.locale, key[0], node=names, gpu=trouble.gpu, at=trouble.since, owner_id=owner
                )
                await self._send(channel, text, owner)
        return LOOK_EVERY

    async def _close(self, key: Key, alert: OpenAlert, channels: Sequence[AlertChannel], now: float) -> float:
        due = self._passing.setdefault(key, now) + SETTLES_AFTER
        if due > now:
            return due - now
        del self._passing[key]
        self._told[key] = now
        if await self._store.close_alert(alert.kind, alert.subject):
            name, _ = self._label(alert.subject)
            for channel in channels:
                text = recovery_text(channel.locale, alert.kind, node=name, at=now, away=now - alert.since)
                await self._send(channel, text, None, quiet=True)
        return LOOK_EVERY

    def _label(self, node_id: str) -> tuple[str, int | None]:
        named = self._nodes.names.get(self._nodes.canonical(node_id))
        return (named.name, named.owner_id) if named is not None else (node_id, None)

    async def _send(self, channel: AlertChannel, text: str, owner: int | None, *, quiet: bool = False) -> None:
        owners = (owner,) if owner is not None and channel.ping_owners and not quiet else ()
        role = None if quiet else channel.role_id
        try:
            await self._teller.tell(channel.channel_id, text, role_id=role, user_ids=owners)
        except DeliveryError as error:
            log.warning("alert.not_sent", channel=channel.channel_id, error=type(error).__name__)
