"""Questions of which another process does a part: it answers what is shown here, or wants what is answered here to
end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from bot.clock import Clock, woken
from bot.domain.queue.request import RequestState
from bot.domain.queue.store import Holder, RequestStore
from bot.services.answers.live import LiveAnswer, LiveAnswers
from bot.services.queue.company import Company
from bot.services.queue.in_flight import InFlight
from bot.services.requests.cancellation import Cancellation

LOOK_EVERY = 1.0
"""Seconds between two looks; one more as soon as another process has changed the queue."""

AT_MOST_EVERY = 0.05
"""Seconds between two looks while others change the queue all the time."""


class Elsewhere:
    """Fulfils the wishes of other processes, and lets go of what they show."""

    def __init__(
        self,
        store: RequestStore,
        company: Company,
        live_answers: LiveAnswers,
        in_flight: InFlight,
        cancellation: Cancellation,
        changed: asyncio.Event,
        clock: Clock,
        owner: str,
    ) -> None:
        """``changed`` is set when another process may have changed the queue; ``owner`` names this process."""
        self._store = store
        self._company = company
        self._live_answers = live_answers
        self._in_flight = in_flight
        self._cancellation = cancellation
        self._changed = changed
        self._clock = clock
        self._owner = owner

    async def run(self) -> None:
        """Look again and again until cancelled. Raises :class:`StorageError`."""
        while True:
            await woken(self._changed, self._clock, LOOK_EVERY)
            await self.look()
            await self._clock.sleep(AT_MOST_EVERY)

    async def look(self) -> None:
        """Do what other processes want, and close what they show. Raises :class:`StorageError`."""
        for wish in await self._company.wishes.to(self._owner):
            await self._cancellation.fulfil(wish)
        await self._let_go()

    async def _let_go(self) -> None:
        waiting = [live for live in self._live_answers.all() if self._only_waits(live)]
        if not waiting:
            return
        leads = await self._company.leads()
        # Nothing of it is claimed here meanwhile: it would be closed under the attempt.
        async with self._in_flight.claiming:
            holders = await self._store.holders([live.question.request_id for live in waiting])
            left = [live for live in waiting if self._is_others(live, holders, leads=leads)]
            await asyncio.gather(*(self._live_answers.close(live.question.request_id) for live in left))

    def _only_waits(self, live: LiveAnswer) -> bool:
        shows_nothing = live.view.is_waiting or live.view.is_asked
        return shows_nothing and not live.is_ending and live.question.request_id not in self._in_flight.held

    def _is_others(self, live: LiveAnswer, holders: Mapping[str, Holder], *, leads: bool) -> bool:
        """Whether another process shows this answer from now on."""
        request_id = live.question.request_id
        holder = holders.get(request_id)
        if not self._only_waits(live):
            return False
        if (holder is None or holder.state is RequestState.ANSWERED) and not live.view.is_waiting:
            # It may have been opened here a moment ago, to show how it ended.
            return False
        if holder is None:
            return request_id not in self._live_answers.beginning
        if holder.state is RequestState.QUEUED:
            return not leads and request_id not in self._live_answers.beginning
        return holder.owner != self._owner
