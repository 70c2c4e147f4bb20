"""Claims questions in fair order, never more than the cluster takes, and has each one carried to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from functools import partial

import structlog

from bot.clock import Clock
from bot.domain.conversation.store import ConversationKey
from bot.domain.queue.request import NewQuestion, StoredRequest
from bot.domain.queue.store import Admission, ClaimTerms, Joined, RequestStore
from bot.errors import BotError
from bot.services.answers.attempt import Stop, StopCause
from bot.services.answers.live import LiveAnswers
from bot.services.queue.carrier import Carrier
from bot.services.queue.company import Company
from bot.services.queue.gate import Gate
from bot.services.queue.heartbeat import Heartbeat
from bot.services.queue.in_flight import InFlight
from bot.services.queue.lane import Lane
from bot.services.queue.positions import PositionUpdater
from bot.services.queue.signal import QueueSignal
from bot.services.queue.slots import AllSlots
from bot.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

# Several free slots are filled together, up to this many at a time.
CLAIMS_AT_ONCE = 4

# Seconds that the messages may take at shutdown to say that their questions are kept: an edit's longest wait for
# its slot (2 s through an interaction) and one more.
LAST_EDITS = 3.0

_Claim = tuple[str, Callable[[], Awaitable[StoredRequest | None]]]
"""A cluster, and what claims a question for it."""


class Dispatcher:
    """Claims waiting questions for each cluster that takes one."""

    def __init__(
        self,
        *,
        store: RequestStore,
        live_answers: LiveAnswers,
        gate: Gate,
        lanes: Sequence[Lane],
        slots: AllSlots,
        carrier: Carrier,
        positions: PositionUpdater,
        heartbeat: Heartbeat,
        in_flight: InFlight,
        signal: QueueSignal,
        clock: Clock,
        metrics: Metrics,
        company: Company | None = None,
    ) -> None:
        """``lanes`` lead to each cluster, at least one. ``company`` None: no other process uses the queue."""
        self._company = company
        self._store = store
        self._live_answers = live_answers
        self._gate = gate
        self._lanes = {lane.place.cluster: lane for lane in lanes}
        self._slots = slots
        self._carrier = carrier
        self._positions = positions
        self._heartbeat = heartbeat
        self._in_flight = in_flight
        self._signal = signal
        self._clock = clock
        self._metrics = metrics
        self._is_recovered = False

    async def join(
        self, question: NewQuestion, key: ConversationKey, scopes: Sequence[int], admission: Admission
    ) -> Joined | None:
        """As :meth:`RequestStore.join`. Where a cluster has a free slot, the next question in fair order, mostly
        this one, is claimed in the same transaction, and sent: a commit less before its first word."""
        picks = [] if self._in_flight.claiming.locked() else self._picks_for(question.wanted_cluster)
        if not picks:
            joined = await self._store.join(question, key, scopes, admission)
            self._signal.set()
            return joined
        cluster, room = picks[0]
        lane = self._lanes[cluster]
        async with self._in_flight.claiming:
            with lane.gate.claiming():
                terms = ClaimTerms(
                    self._heartbeat.owner,
                    self._clock.now,
                    self._heartbeat.seconds,
                    room,
                    self._beginning,
                    lane.place,
                )
                joined = await self._store.join(question, key, scopes, admission, terms)
                claimed = joined.claimed if joined is not None else None
                if claimed is not None:
                    self._carrier.start(claimed, lane)
        if claimed is None or claimed.request_id != question.request_id or lane.gate.room() <= 0:
            self._signal.set()
        return joined

    def _picks_for(self, wanted: str | None) -> list[tuple[str, int]]:
        """The cluster for which a question that joins now may be claimed at once, with its free slots, or
        nothing."""
        if not self._is_recovered:
            return []
        lanes = [self._lanes[wanted]] if wanted in self._lanes else list(self._lanes.values())
        # While a cluster fails what it is asked, what leaves is chosen with more care.
        return _picked({lane.place.cluster: lane.gate.room() for lane in lanes if lane.gate.hold() is None}, 1)

    async def run(self) -> None:
        """Recover what other processes left behind, then drain the queue until cancelled. Raises
        :class:`StorageError`."""
        # First, because earlier questions go before new ones.
        await self._heartbeat.recover()
        self._is_recovered = True
        while True:
            retry_in = await self._dispatch()
            self._positions.changed()
            await self._signal.wait(retry_in)

    async def drain(self, grace: float) -> None:
        """Stop taking questions, let running answers finish for ``grace`` seconds, put the rest back. Other
        processes go on with what waits, if there are any."""
        self._gate.restart()
        if self._has_others and self._company is not None:
            await self._company.retire()
        else:
            self._positions.show_restart()
        deadline = self._clock.monotonic() + grace
        while self._in_flight.running and (left := deadline - self._clock.monotonic()) > 0:
            await self._signal.wait(left)
        for run in self._in_flight.runs:
            run.stop(Stop(StopCause.SHUTDOWN))
            try:
                with self._in_flight.give_up(run):
                    await self._carrier.put_back(run)
            except BotError as error:
                # The next start takes it back. The other questions must still be put back.
                log.warning("question.not_put_back", request_id=run.request.request_id, detail=str(error))
        if not self._has_others:
            await self._live_answers.settled(LAST_EDITS)

    def interrupt(self, cluster: str) -> int:
        """Put everything that runs at a cluster, which must be held, back at the head of the queue; returns how
        many."""
        runs = self._in_flight.at(cluster)
        for run in runs:
            run.stop(Stop(StopCause.SHUTDOWN))
        return len(runs)

    async def _dispatch(self) -> float | None:
        """Start what may start; returns after how many seconds to look again even if nothing happens."""
        lanes = list(self._lanes.values())
        # Usually one question came: looking for more that are not there would take its time. With several
        # clusters, all that have room look at once, so that it goes where most is.
        at_once = 1 if len(lanes) == 1 else CLAIMS_AT_ONCE
        while _picked(_rooms(lanes), at_once):
            async with self._in_flight.claiming:
                # A question that joined meanwhile may have taken a slot.
                idle = await self._claim(_picked(_rooms(lanes), at_once))
            at_once = min(CLAIMS_AT_ONCE, at_once * 2)
            lanes = [lane for lane in lanes if lane.place.cluster not in idle or lane.gate.nothing_else()]
        for lane in self._lanes.values():
            lane.slots.dispatched(is_open=lane.gate.hold() is None)
        self._slots.limit()
        self._metrics.running.set(self._in_flight.running)
        self._metrics.held.set(self._gate.hold() is not None)
        return min(
            (wait for lane in self._lanes.values() if (wait := lane.gate.retry_in()) is not None), default=None
        )

    async def _claim(self, picks: Sequence[tuple[str, int]]) -> set[str]:
        """Start one question for each of ``picks``: a cluster, and how many of its slots other processes must not
        use. Returns the clusters for which nothing more may start."""
        owner, lease = self._heartbeat.owner, self._heartbeat.seconds
        beginning = self._beginning
        with ExitStack() as stack:
            excluded = {
                cluster: stack.enter_context(self._lanes[cluster].gate.claiming())
                for cluster in dict.fromkeys(cluster for cluster, _ in picks)
            }
            claims = [
                (
                    cluster,
                    partial(
                        self._store.claim,
                        owner,
                        now=self._clock.now,
                        lease=lease,
                        room=room,
                        excluding=excluded[cluster],
                        beginning=beginning,
                        place=self._lanes[cluster].place,
                    ),
                )
                for cluster, room in picks
            ]
            idle: set[str] = set()
            async for cluster, request in (_together if self._company is None else _one_by_one)(claims):
                if request is None:
                    idle.add(cluster)
                else:
                    self._carrier.start(request, self._lanes[cluster])
            return idle

    @property
    def _beginning(self) -> Collection[str] | None:
        """As of :meth:`RequestStore.claim`. Alone, it takes also what a process that is gone was about to
        acknowledge."""
        return self._live_answers.beginning if self._has_others else None

    @property
    def _has_others(self) -> bool:
        """Whether another process lives, which goes on with what this one leaves, and shows it."""
        return self._company is not None and self._company.has_others


def _rooms(lanes: Sequence[Lane]) -> dict[str, int]:
    return {lane.place.cluster: lane.gate.room() for lane in lanes}


def _picked(rooms: Mapping[str, int], at_once: int = CLAIMS_AT_ONCE) -> list[tuple[str, int]]:
    """Up to ``at_once`` clusters to start a question at, each with its free slots then: whichever has most of
    them, so that the questions are spread. ``rooms`` are the free slots of each."""
    free = dict(rooms)
    picks: list[tuple[str, int]] = []
    while free and len(picks) < at_once:
        cluster = max(free, key=free.__getitem__)
        if free[cluster] <= 0:
            break
        picks.append((cluster, free[cluster]))
        free[cluster] -= 1
    return picks


async def _together(claims: Sequence[_Claim]) -> AsyncIterator[tuple[str, StoredRequest | None]]:
    """Claim all at once, because in a burst each claim waits long for the database. Raises after what was
    claimed."""
    results = await asyncio.gather(*(claim() for _, claim in claims), return_exceptions=True)
    for (cluster, _), result in zip(claims, results, strict=True):
        if not isinstance(result, BaseException):
            yield cluster, result
    for result in results:
        if isinstance(result, BaseException):
            raise result


async def _one_by_one(claims: Sequence[_Claim]) -> AsyncIterator[tuple[str, StoredRequest | None]]:
    """Claim one after the other, for each cluster until there is nothing: what each leaves to other processes is
    counted from those before it, and a shared database may commit them in any order."""
    idle: set[str] = set()
    for cluster, claim in claims:
        if cluster not in idle:
            request = await claim()
            if request is None:
                idle.add(cluster)
            yield cluster, request
