"""Waiting for pending work, with a limit."""

from __future__ import annotations

import asyncio

from bot.tasks.pending import Pending
from tests.fakes.clocks import HandClock


async def test_nothing_pending_is_not_waited_for() -> None:
    assert await Pending().settled(HandClock(), 3.0)


async def test_what_completes_in_time_is_waited_for() -> None:
    """All of it, in whatever order."""
    pending, clock = Pending(), HandClock()
    for key in ("a", "b"):
        pending.begin(key)
    waiting = asyncio.create_task(pending.settled(clock, 3.0))
    await clock.asleep()
    pending.complete("b")
    pending.complete("unknown")
    await asyncio.sleep(0)
    assert not waiting.done()
    pending.complete("a")
    assert await waiting


async def test_what_never_completes_is_waited_for_so_long() -> None:
    pending, clock = Pending(), HandClock()
    pending.begin("a")
    waiting = asyncio.create_task(pending.settled(clock, 3.0))
    await clock.asleep()
    clock.advance(3.0)
    assert not await waiting
