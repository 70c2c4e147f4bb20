"""Messages older than an hour: Discord takes three edits in six seconds there and tells it in no header."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence

from bot.discord_io.delivery.answer import AnswerDelivery
from sandbox.discord_api.model import Message
from tests.integration.discord_io.conftest import Desk

OLD = 3601.0
TOO_MANY_OLD_EDITS = 30046


async def growing(desk: Desk, delivery: AnswerDelivery, seconds: float) -> None:
    """Let the answer grow all the time, faster than it may be edited."""
    until = desk.clock.monotonic() + seconds
    for number in itertools.count():
        if desk.clock.monotonic() >= until:
            return
        desk.source.say(f"> question\nstate {number} at {until}")
        delivery.changed()
        await asyncio.sleep(0.25)


def refused_at(desk: Desk) -> list[float]:
    """When Discord refused an edit."""
    return [rejection.at for rejection in desk.discord.limits.rejections]


def gaps(message: Message, since: float, until: float) -> Sequence[float]:
    """Seconds from one state to the next within a time."""
    shown = [state.applied_at for state in message.history if since < state.applied_at < until]
    return [after - before for before, after in itertools.pairwise(shown)]


async def test_refused_edits_become_rarer_and_then_less_rare(desk: Desk) -> None:
    """A refusal or two teach the pace; after a while without one it is tried whether more is allowed."""
    delivery, message, _ = await desk.open(lives=0.0)
    desk.discord.clock.advance(OLD)
    began = desk.clock.monotonic()
    await growing(desk, delivery, 75.0)
    desk.source.say("> question\nthe end")
    await delivery.finish()

    refused = refused_at(desk)
    assert "the end" in message.text
    assert any(traced.code == TOO_MANY_OLD_EDITS for traced in desk.discord.trace)
    assert 2 <= len(refused) <= 5
    at_first, learned = gaps(message, began, refused[0]), gaps(message, refused[1] + 3, refused[2])
    assert min(learned[:4]) > 1.5 * max(at_first)
    assert all(after <= before + 0.1 for before, after in itertools.pairwise(learned))
    assert learned[-1] < 0.75 * learned[0]


async def test_a_young_message_gets_the_whole_pace_back(desk: Desk) -> None:
    """What an old one taught its channel is forgotten step by step."""
    old, _, _ = await desk.open(lives=0.0)
    desk.discord.clock.advance(OLD)
    await growing(desk, old, 12.0)
    await old.finish()
    refused = refused_at(desk)
    young, message, _ = await desk.open(lives=0.0)
    began = desk.clock.monotonic()
    await growing(desk, young, 60.0)
    await young.finish()

    assert refused_at(desk) == refused
    at_first, in_the_end = gaps(message, began + 1, began + 11), gaps(message, began + 50, began + 60)
    assert min(at_first) > 2.0
    assert max(in_the_end) < 1.5
