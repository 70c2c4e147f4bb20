"""Turns to start sessions, in one process."""

from __future__ import annotations

import asyncio

import pytest

from bot.discord_io.identify_turns import OwnIdentifyTurns
from bot.domain.discord_calls.session_starts import IDENTIFY_EVERY
from tests.fakes.clocks import LoopClock

TAKES = 0.5


async def started(turns: OwnIdentifyTurns, bucket: int, at: list[float], *, fails: bool = False) -> None:
    """Start a session, which takes half a second, and note when it began."""
    async with turns.turn(bucket):
        at.append(LoopClock().monotonic())
        await LoopClock().sleep(TAKES)
        if fails:
            raise ConnectionError


async def test_sessions_of_one_bucket_are_apart_and_of_two_are_not() -> None:
    """Counted from the end of one, which may have been sent then, to the beginning of the next."""
    turns = OwnIdentifyTurns(LoopClock())
    same: list[float] = []
    other: list[float] = []
    began = LoopClock().monotonic()
    await asyncio.gather(*(started(turns, 0, same) for _ in range(3)), started(turns, 1, other))
    step = TAKES + IDENTIFY_EVERY
    assert [at - began for at in same] == pytest.approx([0.0, step, 2 * step], abs=0.01)
    assert [at - began for at in other] == pytest.approx([0.0], abs=0.01)


async def test_a_session_that_failed_counts_and_one_that_was_given_up_does_not_block() -> None:
    """It may have reached Discord all the same; whoever stops waiting leaves the line."""
    turns = OwnIdentifyTurns(LoopClock())
    at: list[float] = []
    began = LoopClock().monotonic()
    with pytest.raises(ConnectionError):
        await started(turns, 0, at, fails=True)
    waiting = [asyncio.create_task(started(turns, 0, at)) for _ in range(2)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert [one - began for one in at] == pytest.approx([0.0, TAKES + IDENTIFY_EVERY], abs=0.01)
