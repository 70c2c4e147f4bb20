"""How many edits it takes to keep positions current."""

from __future__ import annotations

import itertools

from tests.fakes.clocks import FastClock
from tests.fakes.schedulers import ready
from tests.integration.services.process import running

ANSWERS = 16
ANSWER_EVERY = 0.7
"""Seconds of the bot's clock."""
RARELY = 2.0
"""Seconds between two edits of a message that waits: less than one of the five that Discord allows in them."""


async def test_a_waiting_message_is_edited_every_few_seconds_at_most() -> None:
    """However fast the queue moves: positions between are skipped, and the last one is right."""
    clock = FastClock(20.0)
    async with running(ready(1)) as queue:
        for user in range(1, ANSWERS + 2):
            await queue.asks(user, "before")
        last = await queue.asks(99, "the last one")
        shown = queue.answer(last)
        await queue.until_shows(last, f"{ANSWERS + 1}th in the queue")
        edits: list[float] = []
        told = shown.changed_to

        def edited() -> None:
            edits.append(clock.monotonic())
            told()

        shown.changed_to = edited
        for number in range(1, ANSWERS + 1):
            (await queue.scheduler.asked(number)).end("done")
            await clock.sleep(ANSWER_EVERY)
        await queue.until(lambda: "next in the queue" in shown.text)

        gaps = [later - earlier for earlier, later in itertools.pairwise(edits)]
        assert len(gaps) >= 2
        assert min(gaps) >= RARELY
        assert len(edits) < ANSWERS
