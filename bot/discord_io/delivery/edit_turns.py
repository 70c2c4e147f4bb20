"""The wait of an edit for its turn of the event loop."""

from __future__ import annotations

import asyncio

from bot.clock import Clock
from bot.domain.discord_calls.priority import CallPriority
from bot.domain.discord_calls.turns import EditTurns


class EditQueue:
    """Lets edits begin as :class:`EditTurns` decides. For one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._turns: EditTurns[object] = EditTurns()
        self._begins: dict[object, asyncio.Future[None]] = {}
        self.is_turning = False
        """Whether it is called in each turn of the loop: as long as anybody begins or waits."""

    async def turn(self, who: object, priority: CallPriority) -> None:
        """Wait until ``who`` may begin an edit."""
        if not self.is_turning:
            self.is_turning = True
            asyncio.get_running_loop().call_soon(self._turn)
        if self._turns.begin():
            return
        self._turns.wants(who, priority)
        begins = self._begins[who] = asyncio.get_running_loop().create_future()
        try:
            await begins
        finally:
            self._turns.leave(who)
            self._begins.pop(who, None)

    def reconsider(self, who: object, priority: CallPriority) -> None:
        """Let an edit that waits go before others, if it has become more urgent."""
        if who in self._begins:
            self._turns.wants(who, priority)

    def _turn(self) -> None:
        """Begin a turn of the loop: this was called in the one before."""
        if self._turns.is_idle:
            self._turns.rested()
            self.is_turning = False
            return
        for who in self._turns.turned(self._clock.monotonic()):
            begins = self._begins[who]
            if not begins.done():
                begins.set_result(None)
        asyncio.get_running_loop().call_soon(self._turn)
