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
    """Not before its time, all that are due together, and none waits for Discord to take another's edit."""
    async with running(NO_MODEL, settings=Settings(clock=LoopClock(), question_ttl=TTL)) as line:
        old = [await line.asks(user, "old") for user in range(1, 31)]
        await LoopClock().sleep(TTL / 2)
        young = await line.asks(99, "young")
        await LoopClock().sleep(TTL / 2 - 1.0)
        assert {await line.state(one) for one in old} == {RequestState.QUEUED}
        discord = line.answer(old[0]).taken = asyncio.Event()

        await LoopClock().sleep(LOOK_EVERY + 2.0)

        assert {await line.state(one) for one in old} == {RequestState.EXPIRED}
        sentence = "expired: it waited longer than 1 h. Please ask again."
        await line.until(lambda: all(sentence in line.answer(one).text for one in old[1:]))
        assert await line.state(young) is RequestState.QUEUED
        assert sentence not in line.answer(old[0]).text
        discord.set()
        await line.until_shows(old[0], sentence)
        await line.until_settled()
        assert line.shown.open_now == {young}
