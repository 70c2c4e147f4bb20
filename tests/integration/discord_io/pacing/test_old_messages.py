"""Messages older than an hour: Discord takes three edits in six seconds there and tells it in no header."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence

from bot.discord_io.delivery.answer import AnswerDelivery
from sandbox.discord_api.model import Message
from tests.integration.discord_io.conftest import DeliveryRig

OLD = 3601.0
TOO_MANY_OLD_EDITS = 30046


async def growing(live_answers: DeliveryRig, delivery: AnswerDelivery, seconds: float) -> None:
    """Let the answer grow all the time, faster than it may be edited."""
    until = live_answers.clock.monotonic() + seconds
    for number in itertools.count():
        if live_answers.clock.monotonic() >= until:
            return
        live_answers.source.say(f"> question\nstate {number} at {until}")
        delivery.changed()
        await asyncio.sleep(0.25)


def refused_at(live_answers: DeliveryRig) -> list[float]:
    """When Discord refused an edit."""
    return [rejection.at for rejection in live_answers.discord.limits.rejections]


def gaps(message: Message, since: float, until: float) -> Sequence[float]:
    """Seconds from one state to the next within a time."""
    shown = [state.applied_at for state in message.history if since < state.applied_at < until]
    return [after - before for before, after in itertools.pairwise(shown)]


async def test_refused_edits_become_rarer_and_then_less_rare(live_answers: DeliveryRig) -> None:
    """The pace is learned from a refusal or two; after a while without one, a higher pace is tried."""
    delivery, message, _ = await live_answers.open(lives=0.0)
    live_answers.discord.clock.advance(OLD)
    began = live_answers.clock.monotonic()
    await growing(live_answers, delivery, 75.0)
    live_answers.source.say("> question\nthe end")
    await delivery.finish()

    refused = refused_at(live_answers)
    assert "the end" in message.text
    assert any(traced.code == TOO_MANY_OLD_EDITS for traced in live_answers.discord.trace)
    assert 2 <= len(refused) <= 5
    at_first, learned = gaps(message, began, refused[0]), gaps(message, refused[1] + 3, refused[2])
    assert min(learned[:4]) > 1.5 * max(at_first)
    assert all(after <= before + 0.1 for before, after in itertools.pairwise(learned))
    assert learned[-1] < 0.75 * learned[0]


async def test_a_young_message_gets_the_whole_pace_back(live_answers: DeliveryRig) -> None:
    """The spacing that an old message caused in its channel narrows step by step."""
    old, _, _ = await live_answers.open(lives=0.0)
    live_answers.discord.clock.advance(OLD)
    await growing(live_answers, old, 12.0)
    await old.finish()
    refused = refused_at(live_answers)
    young, message, _ = await live_answers.open(lives=0.0)
    began = live_answers.clock.monotonic()
    await growing(live_answers, young, 60.0)
    await young.finish()

    assert refused_at(live_answers) == refused
    at_first, in_the_end = gaps(message, began + 1, began + 11), gaps(message, began + 50, began + 60)
    assert min(at_first) > 2.0
    assert max(in_the_end) < 1.5
