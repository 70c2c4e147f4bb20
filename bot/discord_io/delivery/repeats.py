"""When a call of an answer that failed is made again."""

from __future__ import annotations

import asyncio

import structlog

from bot.clock import Clock, first_of
from bot.errors import DeliveryError

log = structlog.get_logger(__name__)

FINAL_ATTEMPTS = 8
FIRST_RETRY = 0.5
LONGEST_RETRY = 30.0
"""Seconds between two attempts: the first time, and at most."""


class Repeats:
    """Counts the failures since the last call that succeeded, and waits longer after each."""

    def __init__(self, clock: Clock, finishing: asyncio.Event, request_id: str) -> None:
        """``finishing`` is set when the last state is to be shown: a wait that began before ends then, and from
        then on the attempts are counted."""
        self._clock = clock
        self._finishing = finishing
        self._failures = 0
        self._log = log.bind(request_id=request_id)

    def begin(self) -> None:
        """Count from 0: a call succeeded, or the last state is to be shown."""
        self._failures = 0

    async def may_repeat(self, error: DeliveryError) -> bool:
        """Note a failure and wait until the call may be repeated; False when it was repeated often enough.

        Before the last state there is no reason to give up: a later state replaces this one.
        """
        self._failures += 1
        self._log.info("delivery.retry", failures=self._failures, detail=str(error))
        if self._finishing.is_set() and self._failures >= FINAL_ATTEMPTS:
            return False
        # The exponent is limited: hours without Discord cause many failures, and the power would overflow.
        await self._pause(min(FIRST_RETRY * 2.0 ** min(self._failures - 1, 10), LONGEST_RETRY))
        return True

    async def rest(self) -> None:
        """Wait as long as ever: no call may be made at all."""
        await self._pause(LONGEST_RETRY)

    async def _pause(self, seconds: float) -> None:
        await first_of(self._clock, seconds, *([] if self._finishing.is_set() else [self._finishing]))
