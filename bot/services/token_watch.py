"""Interaction tokens that run out before an answer is there."""

from __future__ import annotations

import structlog

from bot.clock import Clock
from bot.services.desk import AnswerDesk

log = structlog.get_logger(__name__)

LOOK_EVERY = 10.0
# Discord docs, interactions/receiving-and-responding: a token lives 15 minutes. Edits through it end a minute
# before (delivery), so a notice must be out before that.
NOTICE_BEFORE = 120.0


class TokenWatch:
    """Tells people in time when their message cannot be edited until the answer is there.

    Most answers move to the channel route unnoticed. Private ones, and those where the bot may not write,
    cannot: their answer goes to the asker's DMs, and the last edit through the token says so.
    """

    def __init__(self, desk: AnswerDesk, clock: Clock) -> None:
        self._desk = desk
        self._clock = clock

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self._clock.sleep(LOOK_EVERY)
            self.look()

    def look(self) -> None:
        """Put the notice on every message whose token is about to end without another way."""
        now = self._clock.now()
        for live in self._desk.all():
            surface = live.question.surface
            expires_at = surface.token_expires_at
            if surface.channel_route or expires_at is None or now < expires_at - NOTICE_BEFORE:
                continue
            if live.view.notify("notice.to_dm"):
                log.info("answer.will_move", request_id=live.question.request_id)
                live.show()
