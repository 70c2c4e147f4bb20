"""The machine's clock as the bot sees it."""

from __future__ import annotations

import asyncio
import time

from bot.clock import SystemClock, utc


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
