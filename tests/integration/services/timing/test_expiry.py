"""Questions that waited longer than they may."""

from __future__ import annotations

import asyncio

from bot.domain.queue.request import RequestState
from bot.services.queue.expiry import LOOK_EVERY
from tests.fakes.clocks import LoopClock
from tests.fakes.schedulers import NO_MODEL
from tests.integration.services.process import Settings, running

TTL = 3600.0


async def test_what_waited_too_long_ends_with_a_sentence() -> None:
    """Not early, all that are due together, and none waits for Discord to take another's edit."""
    async with running(NO_MODEL, settings=Settings(clock=LoopClock(), question_ttl=TTL)) as queue:
        old = [await queue.asks(user, "old") for user in range(1, 31)]
        await LoopClock().sleep(TTL / 2)
        young = await queue.asks(99, "young")
        await LoopClock().sleep(TTL / 2 - 1.0)
        assert {await queue.state(one) for one in old} == {RequestState.QUEUED}
        discord = queue.answer(old[0]).taken = asyncio.Event()

        await LoopClock().sleep(LOOK_EVERY + 2.0)

        assert {await queue.state(one) for one in old} == {RequestState.EXPIRED}
        sentence = "expired: it waited longer than 1 h. Please ask again."
        await queue.until(lambda: all(sentence in queue.answer(one).text for one in old[1:]))
        assert await queue.state(young) is RequestState.QUEUED
        assert sentence not in queue.answer(old[0]).text
        discord.set()
        await queue.until_shows(old[0], sentence)
        await queue.until_settled()
        assert queue.shown.open_now == {young}
