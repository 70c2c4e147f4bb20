"""How late the event loop runs what is due."""

from __future__ import annotations

from bot.clock import Clock
from bot.telemetry.meters import LoopMeter

EVERY = 0.5
"""Seconds between two looks: often enough to meet what holds the loop up, at no cost that could be measured."""


async def watch_loop(clock: Clock, meter: LoopMeter) -> None:
    """Tell the meter twice a second how late this task was woken, until cancelled."""
    while True:
        due = clock.monotonic() + EVERY
        await clock.sleep(EVERY)
        meter.late(max(0.0, clock.monotonic() - due))
