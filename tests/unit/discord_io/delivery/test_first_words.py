"""An answer's first words are shown as soon as Discord allows any edit."""

from __future__ import annotations

import asyncio

import pytest

from bot.clock import Clock
from tests.fakes.clocks import LoopClock
from tests.unit.discord_io.delivery.conftest import Attempts, Room

CLOCK: Clock = LoopClock()


async def shown_after(room: Room, text: str) -> float:
    """Seconds of the loop's clock until some message shows ``text``."""
    began = CLOCK.monotonic()
    await room.channel.until_shown(text)
    return CLOCK.monotonic() - began


def begins(answer: Attempts, text: str) -> None:
    """The answer has its first words."""
    answer.source.has_text = True
    answer.say(text)


@pytest.mark.parametrize("token_lives", [900.0, 0.0])
async def test_they_do_not_wait_for_the_pace_of_footers(room: Room, token_lives: float) -> None:
    """A footer that was edited a moment ago, or is about to be, holds up nothing."""
    answer = room.attempts(token_lives=token_lives)
    answer.say("thinking · 1 s")
    await room.channel.until_shown("thinking · 1 s")
    await asyncio.sleep(0.05)
    answer.say("thinking · 2 s")
    await asyncio.sleep(0.05)
    begins(answer, "Hello")
    assert await shown_after(room, "Hello") < 0.1


async def test_what_follows_keeps_the_pace(room: Room) -> None:
    """Only the first of them is in a hurry."""
    answer = room.attempts()
    begins(answer, "Hello")
    await room.channel.until_shown("Hello")
    answer.say("Hello world")
    assert await shown_after(room, "Hello world") > 0.25


async def test_the_slot_of_the_last_edit_is_kept_from_them(room: Room) -> None:
    """On a channel's own route one slot is always left for an answer that ends."""
    ending, beginning = room.attempts(token_lives=0.0), room.attempts(token_lives=0.0)
    for number in range(4):
        ending.say(f"state {number}")
        await room.channel.until_shown(f"state {number}")
    begins(beginning, "Hello")
    await asyncio.sleep(0.1)
    asked = CLOCK.monotonic()
    ending.source.say("the end")
    await ending.delivery.finish()
    assert CLOCK.monotonic() - asked < 0.1
    await room.channel.until_shown("Hello")
    assert room.channel.window.refused == 0
