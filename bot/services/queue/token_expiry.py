"""Notices to people whose interaction token expires before their answer is there."""

from __future__ import annotations

import structlog

from bot.clock import Clock
from bot.domain.queue.request import Destination, RequestState
from bot.domain.queue.store import RequestStore
from bot.services.answers.live import LiveAnswer, LiveAnswers
from bot.services.queue.company import Company
from bot.services.queue.positions import BETWEEN, PositionUpdater

log = structlog.get_logger(__name__)

LOOK_EVERY = 10.0
# Discord docs, interactions/receiving-and-responding: a token lives 15 minutes. Delivery stops using it a minute
# before its end, so the notice must be shown before that.
NOTICE_BEFORE = 120.0
EDITS_END_BEFORE = 60.0


class TokenExpiryNotifier:
    """Tells people that their answer will come as a direct message.

    Private answers, and those where the bot may not write, cannot move to the channel route when their token
    expires. The last edit through the token says so.
    """

    def __init__(
        self,
        live_answers: LiveAnswers,
        store: RequestStore,
        positions: PositionUpdater,
        clock: Clock,
        company: Company | None = None,
    ) -> None:
        """``company`` None: no other process shows what waits."""
        self._company = company
        self._live_answers = live_answers
        self._store = store
        self._positions = positions
        self._clock = clock
        self._told: set[str] = set()

    async def run(self) -> None:
        """Look every few seconds until cancelled. Raises :class:`StorageError`."""
        while True:
            await self.look()
            await self._clock.sleep(LOOK_EVERY)

    async def look(self) -> None:
        """Show the notice in every message that only a token about to expire can edit. Raises
        :class:`StorageError`."""
        now = self._clock.now()
        for live in self._live_answers.all():
            if _is_ending(live.question.destination, now):
                self._tell(live)
        if self._company is not None and not await self._company.leads():
            return
        ending = await self._store.tokens_ending(after=now + EDITS_END_BEFORE, before=now + NOTICE_BEFORE)
        self._told.intersection_update(ending)
        for request_id in ending:
            if request_id not in self._told:
                await self._tell_far(request_id)

    async def _tell_far(self, request_id: str) -> None:
        """Tell somebody who may wait so far back that their message is not open."""
        request = await self._store.get(request_id)
        position = await self._store.position(request_id)
        if request is None or request.state is not RequestState.QUEUED or position is None:
            return
        live = self._live_answers.get(request_id)
        if live is None:
            live = self._live_answers.reopen(request)
            self._positions.show_position(live, position)
        self._tell(live)
        # There may be many: all at once they would delay running answers.
        await self._clock.sleep(BETWEEN)

    def _tell(self, live: LiveAnswer) -> None:
        self._told.add(live.question.request_id)
        if live.view.notify("notice.to_dm"):
            log.info("answer.will_move", request_id=live.question.request_id)
            live.show()


def _is_ending(destination: Destination, now: float) -> bool:
    expires_at = destination.token_expires_at
    return not destination.channel_route and expires_at is not None and now >= expires_at - NOTICE_BEFORE
