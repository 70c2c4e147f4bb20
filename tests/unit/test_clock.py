"""The machine's clock as the bot sees it."""

from __future__ import annotations

import asyncio
import time

from bot.clock import SystemClock, utc, woken
from tests.fakes.clocks import HandClock


def test_now_is_the_time_of_day_and_monotonic_never_goes_back() -> None:
    """Both in seconds."""
    clock = SystemClock()

    before = time.time()
    assert before <= clock.now() <= time.time()
    assert clock.monotonic() <= clock.monotonic()


async def test_a_sleep_of_no_time_lets_others_have_a_turn() -> None:
    """Also when the moment has already passed."""
    turns: list[str] = []

    async def other() -> None:
        turns.append("other")

    task = asyncio.create_task(other())
    await SystemClock().sleep(-1)
    assert turns == ["other"]
    await task


def test_a_stored_time_is_shown_in_utc() -> None:
    """Whatever the machine's zone."""
    assert utc(0).isoformat() == "1970-01-01T00:00:00+00:00"


async def test_whoever_waits_is_woken_by_the_event_or_by_the_time() -> None:
    """Whichever comes first; an event from before counts once."""
    clock, wake = HandClock(), asyncio.Event()
    wake.set()
    await woken(wake, clock, 60.0)
    assert not wake.is_set()

    clock = HandClock()
    waiting = asyncio.create_task(woken(wake, clock, 60.0))
    await clock.asleep()
    clock.advance(59.0)
    await asyncio.sleep(0)
    await clock.asleep()
    assert not waiting.done()
    clock.advance(1.0)
    async with asyncio.timeout(5.0):
        await waiting
