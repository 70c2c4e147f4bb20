"""The sandbox's clock."""

from __future__ import annotations

import asyncio

import pytest

from sandbox.clock import Clock


async def test_advancing_wakes_those_whose_moment_has_come() -> None:
    """An hour passes at once."""
    clock = Clock()
    before = clock.now()
    waiting = asyncio.create_task(clock.wait_until(before + 3600))
    await asyncio.sleep(0)
    clock.advance(1800)
    await asyncio.sleep(0)
    assert not waiting.done()
    clock.advance(1800)
    await asyncio.wait_for(waiting, 1)
    assert clock.now() >= before + 3600


async def test_a_scaled_clock_runs_faster_than_the_real_one() -> None:
    """A minute of it takes six hundredths of a second."""
    clock = Clock(scale=1000)
    began = clock.monotonic()
    await clock.sleep(60)
    assert 0.05 < clock.monotonic() - began < 1
    clock.set_scale(1)
    assert clock.scale == 1


def test_time_never_runs_backwards() -> None:
    """Neither a negative jump nor a scale of zero is accepted."""
    with pytest.raises(ValueError, match="backwards"):
        Clock().advance(-1)
    with pytest.raises(ValueError, match="above 0"):
        Clock(scale=0)
    with pytest.raises(ValueError, match="above 0"):
        Clock().set_scale(-1)


def test_its_date_is_aware() -> None:
    """A date in UTC, the same moment as ``now``."""
    clock = Clock()
    assert clock.date().timestamp() == pytest.approx(clock.now(), abs=0.01)
