"""Alerts in channels: each problem once, its end, and news of the cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from bot.clock import Clock, woken
from bot.domain.cluster.boards import AlertChannel, Boards, OpenAlert
from bot.domain.cluster.events import ClusterEvent, EventKind
from bot.domain.cluster.news import SETTLES_AFTER, News, NewsBuffer
from bot.domain.cluster.problems import (
    CUT_OFF,
    HELD_BACK,
    REASONS,
    SILENCE,
    WAITING,
    Key,
    Situation,
    Verdict,
    key_of,
    node_key,
    replaced_by,
    verdict,
    wrong_now,
)
from bot.domain.discord_calls.brake import WINDOW, Level
from bot.errors import DeliveryError, StorageError
from bot.presentation.alerts import Line, alert_lines, news_text, recovery_text, trouble_text
from bot.services.cluster.leadership import Leadership
from bot.services.cluster.monitor import Availability, ClusterService
from bot.services.cluster.node_names import NodeBook
from bot.services.cluster.recorder import ClusterRecorder
from bot.services.ports import Brake

log = structlog.get_logger(__name__)

# In seconds. A problem that returns is announced again only after this time.
COOL_DOWN = 300.0
# Problems that begin within this time are one message with one ping.
GATHERS = 2.0
LOOK_EVERY = 15.0
# A node that is away longer has left for good: its return is news, not a recovery.
FORGOTTEN_AFTER = 7 * 86_400.0
# Lost nodes that are waited for at most: more than a cluster has. Workers that are started anew have new ids.
MOST_LOST = 512


class Teller(Protocol):
    """Sends lines to a channel. Raises only :class:`DeliveryError`."""

    async def tell(
        self, channel_id: int, text: str, *, role_id: int | None = None, user_ids: Sequence[int] = ()
    ) -> None:
        """Send ``text``, pinging this role and these people and nobody else."""
        ...


@dataclass(frozen=True, slots=True)
class Trouble:
    """A problem that began ``since``; ``gpu`` is the hardware of a lost node."""

    since: float
    gpu: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """An alert to send at ``due`` (epoch seconds): a problem, news, or with ``passed`` the end of a problem."""

    due: float
    what: OpenAlert | News
    passed: bool = False


class Alerts:
    """Announces problems, their ends and news of one cluster. What was announced is stored, so that a restart
    repeats nothing."""

    def __init__(
        self,
        store: Boards,
        teller: Teller,
        cluster: ClusterService,
        recorder: ClusterRecorder,
        nodes: NodeBook,
        clock: Clock,
        leadership: Leadership,
        brake: Brake,
        is_switching: Callable[[], bool],
        cluster_name: str = "",
        tells_of_bot: bool = True,
    ) -> None:
        """``is_switching`` returns whether operators stop and start workers for a model switch. ``cluster_name``
        is told in every line, where there are several clusters; ``tells_of_bot``: problems of the bot itself are
        told too, which one of them does for all."""
        self._cluster_name = cluster_name
        self._tells_of_bot = tells_of_bot
        self._store = store
        self._teller = teller
        self._cluster = cluster
        self._recorder = recorder
        self._nodes = nodes
        self._clock = clock
        self._leadership = leadership
        self._brake = brake
        self._braked = False
        self._began = clock.monotonic()
        self._wake = asyncio.Event()
        self._since: dict[Key, Trouble] = {}
        self._lost: dict[str, Trouble] = {}
        self._told: dict[Key, float] = {}
        self._passing: dict[Key, float] = {}
        self._was_usable = False
        self._is_switching = is_switching
        self._news = NewsBuffer()
        recorder.subscribe(self._add_event)
        recorder.subscribe_kept(self._add_stored_event)
        cluster.subscribe(self._wake.set)

    async def run(self) -> None:
        """Send alerts until cancelled."""
        await self.remember()
        while True:
            try:
                pause = await self.look()
            except StorageError as error:
                log.warning("alerts.not_looked", detail=str(error))
                pause = LOOK_EVERY
            await woken(self._wake, self._clock, pause)

    async def remember(self) -> None:
        """Read which nodes were announced as lost before a restart. Raises :class:`StorageError`."""
        for alert in await self._store.open_alerts():
            if alert.kind == EventKind.NODE_LOST:
                self._lost[alert.subject] = Trouble(alert.since)

    async def look(self) -> float:
        """Send what is due; returns in how many seconds to look again. Raises :class:`StorageError`."""
        now, level = self._clock.now(), self._brake.level()
        self._braked = self._braked or level is not Level.OPEN
        await self._nodes.refresh()
        channels = await self._store.alert_channels()
        if not channels:
            # A channel that is added later is not told what happened before.
            self._lost.clear()
            self._news.clear()
            return LOOK_EVERY
        told = await self._announced(now)
        situation = replace(self._situation(told), model_fault=await self._cluster.model_fault())
        notices = [
            *self._troubles(situation, told, now),
            *self._recoveries(situation, told, now),
            *self._pending_news(situation, told),
        ]
        pause = due_in([notice.due for notice in notices], now)
        if pause == 0.0:
            await self._tell([notice for notice in notices if notice.due <= now], channels, now)
        return LOOK_EVERY if pause is None else max(0.1, min(LOOK_EVERY, pause))

    def _add_event(self, event: ClusterEvent) -> None:
        switching = self._is_switching()
        returning = event.subject in self._lost
        self._news.add(event, returning=returning, switching=switching, waited=self._was_usable)
        if event.kind is EventKind.NODE_LOST:
            self._lost[event.subject] = Trouble(event.at, str(event.detail.get("gpu") or ""))
            while len(self._lost) > MOST_LOST:
                del self._lost[next(iter(self._lost))]
        if event.kind is EventKind.WAITING and not switching:
            self._was_usable = True
        self._wake.set()

    def _add_stored_event(self, event: ClusterEvent) -> None:
        if event.kind is EventKind.MODEL_CHANGED and event.subject:
            self._news.add_model_change(event)
            self._wake.set()

    async def _announced(self, now: float) -> Mapping[Key, OpenAlert]:
        """The announced problems that have not ended. Nodes that left for good are removed without a message."""
        told = {key_of(alert.kind, alert.subject): alert for alert in await self._store.open_alerts()}
        left = [node for node, trouble in self._lost.items() if now - trouble.since > FORGOTTEN_AFTER]
        for node_id in left:
            del self._lost[node_id]
        lost = sorted(
            (alert for alert in told.values() if alert.kind == EventKind.NODE_LOST), key=lambda alert: -alert.since
        )
        old = [
            alert for rank, alert in enumerate(lost) if rank >= MOST_LOST or now - alert.since > FORGOTTEN_AFTER
        ]
        if old:
            await self._store.end_alerts([told.pop(node_key(alert.subject)) for alert in old])
        # Another process may have announced them: the cool-down is the same for all.
        self._told = {key: at for key, at in self._told.items() if now - at < COOL_DOWN} | dict.fromkeys(told, now)
        return told

    def _situation(self, told: Collection[Key]) -> Situation:
        now, view = self._clock.now(), self._cluster.view()
        silent: bool | None = view.availability is Availability.UNREACHABLE
        if not silent and (view.answered_at is None or now - view.answered_at >= SETTLES_AFTER):
            silent = None
        reports = view.availability not in {Availability.UNREACHABLE, Availability.UNKNOWN}
        status = view.status if reports else None
        ids = {node.node_id for node in status.nodes} if status is not None else set()
        missed = {*self._lost, *(subject for kind, subject in told if kind == EventKind.NODE_LOST)}
        if status is not None and status.usable:
            self._was_usable = False
        level = self._brake.level()
        # A process that has just started does not know how many calls of the one before were refused.
        is_new = self._clock.monotonic() - self._began < WINDOW
        unknown = level is Level.OPEN and not self._braked and is_new
        return Situation(
            status,
            silent,
            failing=view.failing,
            proven=view.proven,
            stranded=self._recorder.stranded,
            was_usable=self._was_usable,
            switching=self._is_switching(),
            held_back=None if unknown else level is not Level.OPEN,
            cut_off=None if unknown else level is Level.CUT_OFF,
            listed={node_id for node_id in missed if self._nodes.canonical(node_id) in ids},
        )

    def _troubles(self, situation: Situation, told: Collection[Key], now: float) -> Iterator[Notice]:
        if situation.status is not None:
            for node_id in situation.listed:
                self._lost.pop(node_id, None)
        wrong = [
            key
            for key in wrong_now(situation, self._lost, told)
            if self._tells_of_bot or key not in {HELD_BACK, CUT_OFF}
        ]
        self._since = {key: self._since.get(key) or self._trouble(key, now) for key in wrong}
        for key, trouble in self._since.items():
            self._passing.pop(key, None)
            if key not in told:
                due = max(trouble.since + SETTLES_AFTER, self._told.get(key, 0.0) + COOL_DOWN)
                yield Notice(due, OpenAlert(key[0], key[1], trouble.since))

    def _trouble(self, key: Key, now: float) -> Trouble:
        if key == SILENCE:
            return Trouble(self._cluster.view().unreachable_since or now)
        return self._lost[key[1]] if key == node_key(key[1]) else Trouble(now)

    def _recoveries(self, situation: Situation, told: Mapping[Key, OpenAlert], now: float) -> Iterator[Notice]:
        self._passing = {key: since for key, since in self._passing.items() if key in told}
        for key, alert in told.items():
            if verdict(key, situation) is Verdict.RIGHT:
                yield Notice(self._passing.setdefault(key, now) + SETTLES_AFTER, alert, passed=True)

    def _pending_news(self, situation: Situation, told: Collection[Key]) -> Iterator[Notice]:
        for news in list(self._news.pending(situation.status)):
            recovers = news.kind is EventKind.USABLE and any(reason in told for reason in REASONS)
            # A named node that came back under another peer id is no newcomer.
            if recovers or (news.joined and self._nodes.has_moved_to(news.subject)):
                self._news.remove(news)
            else:
                yield Notice(news.due, news)

    async def _tell(self, notices: Sequence[Notice], channels: Sequence[AlertChannel], now: float) -> None:
        wrong = [one.what for one in notices if isinstance(one.what, OpenAlert) and not one.passed]
        passed = [one.what for one in notices if isinstance(one.what, OpenAlert) and one.passed]
        news = [one.what for one in notices if isinstance(one.what, News)]
        for alert in (*wrong, *passed):
            self._told[key_of(alert.kind, alert.subject)] = now
            self._passing.pop(key_of(alert.kind, alert.subject), None)
        # Of several processes, the one that records a problem or its end announces it, and the leader sends news.
        sends_news = not news or await self._leadership.is_ours(surely=True)
        began = await self._store.begin_alerts(wrong) if wrong else ()
        ended = await self._store.end_alerts(passed) if passed else ()
        await self._replace(began)
        for one in news:
            self._news.remove(one)
        if not sends_news:
            news = []
        if not (began or ended or news):
            return
        for channel in channels:
            await self._send(channel, [*self._lines(channel.locale, began, ended, news, now)], quiet=not began)

    async def _replace(self, began: Sequence[OpenAlert]) -> None:
        """End the less precise reasons that ``began`` replaces, without announcing their end."""
        less = [key for alert in began for key in replaced_by(key_of(alert.kind, alert.subject))]
        if less:
            await self._store.end_alerts([OpenAlert(kind, subject, 0.0) for kind, subject in less])
        if WAITING in less:
            self._was_usable = False

    def _lines(
        self, locale: str, began: Sequence[OpenAlert], ended: Sequence[OpenAlert], news: Sequence[News], now: float
    ) -> Iterator[Line]:
        for alert in began:
            name, owner = self._label(alert.subject)
            key = key_of(alert.kind, alert.subject)
            frozen = key == SILENCE and self._cluster.view().frozen
            kind = EventKind.FROZEN.value if frozen else alert.kind
            gpu = self._since[key].gpu if key in self._since else ""
            text = trouble_text(
                locale, kind, node=name, gpu=gpu, at=alert.since, owner_id=owner, cluster=self._of(alert)
            )
            yield Line(text, owner)
        for alert in ended:
            name, _ = self._label(alert.subject)
            away = now - alert.since
            yield Line(recovery_text(locale, alert.kind, node=name, at=now, away=away, cluster=self._of(alert)))
        for one in news:
            yield Line(news_text(locale, one, node=self._label(one.subject)[0], cluster=self._cluster_name))

    def _of(self, alert: OpenAlert) -> str:
        """The cluster's name, for what is about the cluster."""
        return "" if key_of(alert.kind, alert.subject) in {HELD_BACK, CUT_OFF} else self._cluster_name

    def _label(self, node_id: str) -> tuple[str, int | None]:
        named = self._nodes.names.get(self._nodes.canonical(node_id))
        return (named.name, named.owner_id) if named is not None else (node_id, None)

    async def _send(self, channel: AlertChannel, lines: Sequence[Line], *, quiet: bool) -> None:
        text, owners = alert_lines(channel.locale, lines)
        role_id = None if quiet else channel.role_id
        pinged = owners if channel.ping_owners else ()
        try:
            await self._teller.tell(channel.channel_id, text, role_id=role_id, user_ids=pinged)
        except DeliveryError as error:
            log.warning("alert.not_sent", channel=channel.channel_id, error=type(error).__name__)


def due_in(dues: Sequence[float], now: float) -> float | None:
    """Seconds until the next message: 0 for now, None when there is nothing to send. Everything that becomes due
    within :data:`GATHERS` of the first alert is part of its message."""
    if not dues:
        return None
    first = min(dues)
    together = max(due for due in dues if due <= first + GATHERS)
    return max(0.0, together - now)
