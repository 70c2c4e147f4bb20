"""The end of a process whose place another one takes: everything that people do meanwhile is heard by one of
both."""

from __future__ import annotations

from typing import Protocol

import structlog

from bot.clock import Clock
from bot.domain.discord_calls.sharing import ShardHolds

log = structlog.get_logger(__name__)

CONNECTED_WITHIN = 15.0
"""Seconds in which another process connects at least one more shard: the turn to start a session, and its
start."""

BOTH_HEAR = 1.0
"""Seconds for which this process hears what the others hear too. What was said before they did is on its way to
this one only."""

TIMES = 3
"""How often another process may end that has just taken over."""


class Hears(Protocol):
    """What is told by the gateway and answered."""

    def leave_to_others(self) -> None:
        """Let other processes, which hear the same from now on, answer it."""
        ...

    async def stop_hearing(self) -> None:
        """Disconnect from the gateway; what is in hand goes on."""
        ...


async def hand_over(heard: Hears, holds: ShardHolds, clock: Clock) -> bool:
    """Let other processes hear what this one does, and stop hearing when they have heard everything for a moment.
    False: nobody took over, or not for long, and this process hears as before."""
    for _ in range(TIMES):
        if not await holds.hand_over(CONNECTED_WITHIN):
            break
        heard.leave_to_others()
        await clock.sleep(BOTH_HEAR)
        if await holds.is_handed_over():
            await heard.stop_hearing()
            return True
    log.warning("discord.shards_not_handed_over")
    return False
