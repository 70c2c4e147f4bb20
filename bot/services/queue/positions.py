"""What people in the queue see: their position, the estimated wait, and why the queue does not move."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bot.clock import Clock
from bot.domain.queue.hold import RESTARTING, Hold
from bot.domain.queue.request import RequestState, StoredRequest
from bot.domain.queue.store import LEFT_TO_OTHERS, RequestStore
from bot.services.answers.live import LiveAnswer, LiveAnswers
from bot.services.queue.company import Company
from bot.services.queue.gate import Gate
from bot.services.queue.in_flight import InFlight
from bot.services.queue.slots import AllSlots
from bot.services.queue.waiting_meter import WaitingMeter
from bot.telemetry.metrics import Metrics

# Seconds between two refreshes: the edits of running answers come first.
REFRESH_EVERY = 2.0
# Seconds after a change before the queue is read, so that a burst of questions is read once.
SETTLED_AFTER = 0.3
# At each refresh so many questions at the head of the queue are updated, and so many of the others in turn. A
# queue of 5,000 then costs at most 25 edits a second, of the 50 calls a second that Discord allows a bot on its
# channel routes (docs, topics/rate-limits, "Global Rate Limit").
FRONT = 20
SLICE = 50
# Seconds between two updates: all at once they would delay running answers and the next question's start.
BETWEEN = 0.015
# While a position stays the same, its estimate is shown anew after so many seconds.
ESTIMATE_EVERY = 15.0
# At most so many waiting answers are kept open: each is a task with a view and a rate-limit bucket.
OPEN_AT_MOST = 200


@dataclass(frozen=True, slots=True)
class _Told:
    position: int
    hold: Hold | None
    at: float


class PositionUpdater:
    """Keeps what waiting messages say up to date, with few edits."""

    def __init__(
        self,
        store: RequestStore,
        live_answers: LiveAnswers,
        gate: Gate,
        slots: AllSlots,
        in_flight: InFlight,
        clock: Clock,
        metrics: Metrics,
        company: Company | None = None,
    ) -> None:
        """``company`` None: no other process shows what waits."""
        self._company = company
        self._store = store
        self._live_answers = live_answers
        self._gate = gate
        self._slots = slots
        self._in_flight = in_flight
        self._clock = clock
        self._meter = WaitingMeter(store, clock, metrics)
        self._wake = asyncio.Event()
        self._told: dict[str, _Told] = {}
        self._left: set[str] = set()
        self._turn = 0

    def changed(self) -> None:
        """Look again soon: positions or reasons may have changed."""
        self._wake.set()

    async def run(self) -> None:
        """Refresh after changes, and until all of a long queue is up to date; ends when cancelled."""
        while True:
            await self._wake.wait()
            await self._clock.sleep(SETTLED_AFTER)
            self._wake.clear()
            if not await self.refresh():
                self._wake.set()
            await self._clock.sleep(REFRESH_EVERY - SETTLED_AFTER)

    async def refresh(self) -> bool:
        """Bring the head of the queue and a part of the rest up to date, including messages that an earlier
        process left waiting; False when some are still out of date, or more are open than necessary."""
        self._left.clear()
        if self._company is not None and not await self._company.leads():
            self._told.clear()
            self._meter.shows_nothing()
            return True
        waiting = await self._store.waiting_ids()
        await self._meter.shows(waiting)
        wanted = await self._store.wanted() if self._gate.are_several else {}
        holds = {cluster: self._gate.hold(cluster) for cluster in {None, *wanted.values()}}
        outdated = [
            index
            for index, request_id in enumerate(waiting)
            if not self._is_true(request_id, index + 1, holds[wanted.get(request_id)])
        ]
        due = self._due(outdated)
        for index in due:
            await self._tell(waiting[index], index + 1, holds[wanted.get(waiting[index])])
            await self._clock.sleep(BETWEEN)
        is_closed = await self._close_far(waiting)
        if len(self._told) > 2 * len(waiting) + FRONT:
            self._told = {one: self._told[one] for one in waiting if one in self._told}
        return is_closed and len(due) == len(outdated)

    async def show_enqueued(self, live: LiveAnswer) -> None:
        """Show that a question which has just joined the queue is asked at once, or its position. Raises
        :class:`StorageError`."""
        self.show_joined(live, await self._store.position(live.question.request_id))

    def show_joined(self, live: LiveAnswer, position: int | None) -> None:
        """As :meth:`show_enqueued`, at the ``position`` that is known already; None when it does not wait."""
        if position is None or self._in_flight.get(live.question.request_id) is not None:
            return
        wanted = live.question.wanted_cluster
        hold = self._gate.hold(wanted)
        if hold is None and position <= self._slots.free(wanted):
            live.show_asked(self._slots.model)
        else:
            self._show(live, position, hold)

    def show_position(self, live: LiveAnswer, position: int) -> None:
        """Show the position of a question, or why the queue does not move."""
        self._show(live, position, self._gate.hold(live.question.wanted_cluster))

    def left(self, request_id: str) -> None:
        """Forget what was shown for a question that left the queue, so that it is shown anew if it comes back."""
        self._told.pop(request_id, None)
        self._left.add(request_id)

    def show_restart(self) -> None:
        """Show at once in all open waiting messages that the bot restarts and keeps the questions. Refreshes tell
        the others, at their usual pace."""
        for live in self._live_answers.all():
            if live.view.is_waiting:
                live.show_hold(RESTARTING)

    def _due(self, outdated: Sequence[int]) -> list[int]:
        """Of the indexes whose message is out of date: those at the head, and of the rest the next in turn."""
        head = [index for index in outdated if index < FRONT]
        rest = outdated[len(head) :]
        following = [index for index in rest if index >= self._turn] + [i for i in rest if i < self._turn]
        chosen = following[:SLICE]
        self._turn = chosen[-1] + 1 if chosen else 0
        return head + chosen

    def _is_true(self, request_id: str, position: int, hold: Hold | None) -> bool:
        told = self._told.get(request_id)
        if told is None or told.position != position or told.hold != hold:
            return False
        return position > FRONT or hold is not None or self._clock.monotonic() - told.at < ESTIMATE_EVERY

    async def _tell(self, request_id: str, position: int, hold: Hold | None) -> None:
        live = self._live_answers.get(request_id)
        if live is None or not live.view.is_waiting:
            # Nobody shows it here, or it was shown as asked but had to wait, for an answer to the same person or
            # for another process.
            request = await self._store.get(request_id)
            if request is None or request.state is not RequestState.QUEUED or request_id in self._left:
                return
            if self._company is not None and not request.message_ids and self._is_beginning(request):
                # Its first message is on its way from another process.
                return
            live = self._live_answers.reopen(request)
        self._show(live, position, hold)

    def _is_beginning(self, request: StoredRequest) -> bool:
        return self._clock.now() - request.enqueued_at < LEFT_TO_OTHERS

    def _show(self, live: LiveAnswer, position: int, hold: Hold | None) -> None:
        self._told[live.question.request_id] = _Told(position, hold, self._clock.monotonic())
        if hold is not None:
            live.show_hold(hold)
        else:
            live.show_position(position, self._slots.wait_for(position, live.question.wanted_cluster))

    async def _close_far(self, waiting: Sequence[str]) -> bool:
        """Close what is far back and up to date; False when some of it is not up to date yet."""
        lives = [live for one in waiting if (live := self._live_answers.get(one)) is not None]
        far = lives[OPEN_AT_MOST:]
        current = [live for live in far if live.view.is_waiting and live.delivery.is_current]
        await asyncio.gather(*(self._live_answers.close(live.question.request_id) for live in current))
        return len(current) == len(far)
