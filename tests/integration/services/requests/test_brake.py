"""What the services do while Discord refuses so much that it may ban the bot."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from bot.domain.discord_calls.brake import Level
from bot.domain.queue.request import RequestState
from bot.errors import NotTakenNow
from tests.fakes.schedulers import ready
from tests.integration.services.process import Settings, running


@dataclass(eq=False)
class Brake:
    """A :class:`bot.services.ports.Brake` whose level a test sets."""

    on: Level = Level.OPEN

    def level(self) -> Level:
        """What may be sent."""
        return self.on


@pytest.mark.parametrize("level", [Level.HELD_BACK, Level.CUT_OFF])
async def test_no_further_question_is_taken(level: Level) -> None:
    """Its asker reads why, nothing of it is kept, and what was taken before is answered."""
    brake = Brake()
    async with running(ready(1), settings=Settings(brake=brake)) as queue:
        await queue.asks(1, "before")
        brake.on = level
        with pytest.raises(NotTakenNow):
            await queue.asks(2, "meanwhile")
        assert await queue.store.of_user(2, list(RequestState)) == []
        (await queue.scheduler.asked(1)).end("!")
        await queue.until_settled()
        brake.on = Level.OPEN
        await queue.asks(2, "after")
        assert (await queue.scheduler.asked(2)).question == "user 2: after"
