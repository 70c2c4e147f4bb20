"""A board whose card cannot be drawn."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from structlog.testing import capture_logs

from bot.domain.cluster.boards import Board
from bot.presentation.status import Accent, Card
from bot.services.cluster.monitor import ClusterService
from bot.services.cluster.node_names import NodeBook
from bot.services.operations.boards import LOOK_EVERY, BoardKeeper, StatusCards
from tests.fakes.clocks import HandClock
from tests.fakes.databases import new_database
from tests.integration.services.alerting import Process, process

PATIENCE = 5.0
CARD = Card(("all is well",), Accent.GOOD)


class FailingCards(StatusCards):
    """Cards of which drawing the first ``failures`` raises an unexpected error."""

    def __init__(self, failures: int) -> None:
        self.failures = failures

    async def board(self, locale: str) -> Card:
        """Fail the first times."""
        self.failures -= 1
        if self.failures >= 0:
            raise OverflowError("int too large to convert to float")
        return CARD


@dataclass(eq=False)
class Channel:
    """A :class:`bot.services.operations.boards.CardPoster` that keeps its cards."""

    posted: list[int] = field(default_factory=list)
    edits: list[tuple[int, Card]] = field(default_factory=list)
    edited: asyncio.Event = field(default_factory=asyncio.Event)

    async def post(self, channel_id: int, card: Card) -> int:
        """Keep the channel."""
        self.posted.append(channel_id)
        return 70

    async def edit(self, channel_id: int, message_id: int, card: Card) -> None:
        """Keep the edit."""
        self.edits.append((message_id, card))
        self.edited.set()


def keeper(one: Process, channel: Channel, *, failures: int = 0) -> BoardKeeper:
    """The board keeper of this process."""
    cluster = ClusterService(one.scheduler, one.monitor, "", one.clock)
    database, clock = one.database, one.clock
    nodes = NodeBook(database.node_names, cluster, database.audit, clock)
    return BoardKeeper(
        database.boards,
        FailingCards(failures),
        channel,
        cluster,
        one.recorder,
        nodes,
        database.audit,
        clock,
        one.leadership,
    )


async def test_a_board_that_could_not_be_drawn_is_drawn_a_minute_later(tmp_path: Path) -> None:
    """The failure is in the log, because nobody waits for the board's task."""
    clock, channel = HandClock(), Channel()
    async with process(new_database(tmp_path), clock) as one:
        await one.database.boards.put_board(Board(7, None, 70, "en"))
        with capture_logs() as logs:
            task = asyncio.create_task(keeper(one, channel, failures=1).run())
            async with asyncio.timeout(PATIENCE):
                while not any(entry["event"] == "board.crashed" for entry in logs):
                    await clock.asleep()
                    clock.advance(1.0)
                clock.advance(LOOK_EVERY)
                await channel.edited.wait()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    assert channel.posted == []
    assert channel.edits[0] == (70, CARD)
    assert [entry["exc_info"] for entry in logs if entry["event"] == "board.crashed"] == [True]
