"""Trouble told once, and told again when it has passed; and the good news between."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from bot.clock import Clock, woken
from bot.domain.cluster.boards import AlertChannel, Boards, OpenAlert
from bot.domain.cluster.events import ClusterEvent, EventKind
from bot.domain.cluster.news import SETTLES_AFTER, News, NewsBuffer
from bot.domain.cluster.problems import (
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

# What comes and goes is told again at most this often.
COOL_DOWN = 300.0
# What goes wrong together is told together, with one ping: so long the first waits for the others, in seconds.
GATHERS = 2.0
LOOK_EVERY = 15.0
# A node that was away this long has left; its return is news, not a recovery.
FORGOTTEN_AFTER = 7 * 86_400.0


class Teller(Protocol):
    """Sends lines to a channel. Raises only :class:`DeliveryError`."""

    async def tell(
        self, channel_id: int, text: str, *, role_id: int | None = None, user_ids: Sequence[int] = ()
    ) -> None:
        """Send ``text``, pinging this role and these people and nobody else."""
        ...


class ModelSwitch(Protocol):
    """Tells whether a switch to another model is under way."""

    @property
    def is_under_way(self) -> bool:
        """Whether workers leave and come because operators were told to stop and start them."""
        ...


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong since ``since``, with what its sentence needs."""

    since: float
    gpu: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell at ``due`` (epoch seconds): trouble, trouble that has passed, or news."""

    due: float
    what: OpenAlert | News
    passed: bool = False


class Alerts:
    """Compares what is wrong with what was told: whoever starts anew tells only the difference."""

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
        model_switch: ModelSwitch,
    ) -> None:
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
        self._model_switch = model_switch
        self._live_answers = NewsBuffer()
        recorder.subscribe(self._happened)
        recorder.subscribe_kept(self._kept)
        cluster.subscribe(self._wake.set)

    async def run(self) -> None:
        """Tell what has to be told, until cancelled."""
        await self.remember()
        while True:
            try:
                pause = await self.look()
            except StorageError as error:
                log.warning("alerts.not_looked", detail=str(error))
                pause = LOOK_EVERY
            await woken(self._wake, self._clock, pause)

    async def remember(self) -> None:
        """Nodes that were told to be lost are still missed after a restart. Raises :class:`StorageError`."""
        for alert in await self._store.open_alerts():
            if alert.kind == EventKind.NODE_LOST:
                self._lost[alert.subject] = Trouble(alert.since)

    async def look(self) -> float:
        """Tell what is due; returns in how many seconds to look again. Raises :class:`StorageError`."""
        now, level = self._clock.now(), self._brake.level()
        self._braked = self._braked or level is not Level.OPEN
        await self._nodes.refresh()
        channels = await self._store.alert_channels()
        if not channels:
            # What nobody asked to be told is not news when somebody asks.
            self._lost.clear()
            self._live_answers.clear()
            return LOOK_EVERY
        told = await self._remembered(now)
        situation = self._situation(told)
        notices = [
            *self._troubles(situation, told, now),
            *self._recoveries(situation, told, now),
            *self._news(situation, told),
        ]
        pause = due_in([notice.due for notice in notices], now)
        if pause == 0.0:
            await self._tell([notice for notice in notices if notice.due <= now], channels, now)
        return LOOK_EVERY if pause is None else max(0.1, min(LOOK_EVERY, pause))

    def _happened(self, event: ClusterEvent) -> None:
        switching = self._model_switch.is_under_way
        returning = event.subject in self._lost
        self._live_answers.heard(event, returning=returning, switching=switching, waited=self._was_usable)
        if event.kind is EventKind.NODE_LOST:
            self._lost[event.subject] = Trouble(event.at, str(event.detail.get("gpu") or ""))
        if event.kind is EventKind.WAITING and not switching:
            self._was_usable = True
        self._wake.set()

    def _kept(self, event: ClusterEvent) -> None:
        if event.kind is EventKind.MODEL_CHANGED and event.subject:
            self._live_answers.changed_model(event)
            self._wake.set()

    async def _remembered(self, now: float) -> Mapping[Key, OpenAlert]:
        """What was told and has not passed, without the nodes that have left for good: that is told to nobody."""
        told = {key_of(alert.kind, alert.subject): alert for alert in await self._store.open_alerts()}
        left = [node for node, trouble in self._lost.items() if now - trouble.since > FORGOTTEN_AFTER]
        for node_id in left:
            del self._lost[node_id]
        old = [
            key
            for key, alert in told.items()
            if alert.kind == EventKind.NODE_LOST and now - alert.since > FORGOTTEN_AFTER
        ]
        if old:
            await self._store.end_alerts([told.pop(key) for key in old])
        # Told by whichever process: what comes and goes is told by none of them too often.
        self._told.update(dict.fromkeys(told, now))
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
        # A process that has just begun does not know what the one before it was refused.
        unknown = level is Level.OPEN and not self._braked and not self._has_looked_long
        return Situation(
            status,
            silent,
            failing=view.failing,
            proven=view.proven,
            stranded=self._recorder.stranded,
            was_usable=self._was_usable,
            switching=self._model_switch.is_under_way,
            held_back=None if unknown else level is not Level.OPEN,
            cut_off=None if unknown else level is Level.CUT_OFF,
            listed={node_id for node_id in missed if self._nodes.canonical(node_id) in ids},
        )

    @property
    def _has_looked_long(self) -> bool:
        return self._clock.monotonic() - self._began >= WINDOW

    def _troubles(self, situation: Situation, told: Collection[Key], now: float) -> Iterator[Notice]:
        if situation.status is not None:
            for node_id in situation.listed:
                self._lost.pop(node_id, None)
        wrong = list(wrong_now(situation, self._lost, told))
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

    def _news(self, situation: Situation, told: Collection[Key]) -> Iterator[Notice]:
        usable = situation.status is not None and situation.status.usable
        for news in list(self._live_answers.pending(usable=usable)):
            recovers = news.kind is EventKind.USABLE and any(reason in told for reason in REASONS)
            # A named node that came back under another peer id is no newcomer.
            if recovers or (news.joined and self._nodes.has_moved_to(news.subject)):
                self._live_answers.told(news)
            else:
                yield Notice(news.due, news)

    async def _tell(self, notices: Sequence[Notice], channels: Sequence[AlertChannel], now: float) -> None:
        wrong = [one.what for one in notices if isinstance(one.what, OpenAlert) and not one.passed]
        passed = [one.what for one in notices if isinstance(one.what, OpenAlert) and one.passed]
        news = [one.what for one in notices if isinstance(one.what, News)]
        for alert in (*wrong, *passed):
            self._told[key_of(alert.kind, alert.subject)] = now
            self._passing.pop(key_of(alert.kind, alert.subject), None)
        # Whoever of several processes notes it tells it.
        told_here = not news or await self._leadership.is_ours(surely=True)
        began = await self._store.begin_alerts(wrong) if wrong else ()
        ended = await self._store.end_alerts(passed) if passed else ()
        await self._replace(began)
        for one in news:
            self._live_answers.told(one)
        if not told_here:
            news = []
        if not (began or ended or news):
            return
        for channel in channels:
            await self._send(channel, [*self._lines(channel.locale, began, ended, news, now)], quiet=not began)

    async def _replace(self, began: Sequence[OpenAlert]) -> None:
        """What says less than what is told now is not told any more, and its end is not either."""
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
            yield Line(trouble_text(locale, kind, node=name, gpu=gpu, at=alert.since, owner_id=owner), owner)
        for alert in ended:
            name, _ = self._label(alert.subject)
            yield Line(recovery_text(locale, alert.kind, node=name, at=now, away=now - alert.since))
        for one in news:
            yield Line(news_text(locale, one, node=self._label(one.subject)[0]))

    def _label(self, node_id: str) -> tuple[str, int | None]:
        named = self._nodes.names.get(self._nodes.canonical(node_id))
        return (named.name, named.owner_id) if named is not None else (node_id, None)

    async def _send(self, channel: AlertChannel, lines: Sequence[Line], *, quiet: bool) -> None:
        text, owners = alert_lines(channel.locale, lines)
        pinged = tuple(owners) if channel.ping_owners else ()
        try:
            await self._teller.tell(
                channel.channel_id, text, role_id=None if quiet else channel.role_id, user_ids=pinged
            )
        except DeliveryError as error:
            log.warning("alert.not_sent", channel=channel.channel_id, error=type(error).__name__)


def due_in(dues: Sequence[float], now: float) -> float | None:
    """In how many seconds to tell what is due: 0 for now, None when there is nothing to tell. What becomes due
    within :data:`GATHERS` of the first is waited for."""
    if not dues:
        return None
    first = min(dues)
    together = max(due for due in dues if due <= first + GATHERS)
    return max(0.0, together - now)
