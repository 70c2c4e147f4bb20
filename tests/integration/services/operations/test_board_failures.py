"""Boards whose card cannot be drawn, or whose message cannot be edited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from structlog.testing import capture_logs

from bot.domain.cluster.boards import Board
from bot.errors import AccessLost, DeliveryError, MessageGone
from bot.presentation.status import Accent, Card
from bot.services.cluster.clusters import Cluster
from bot.services.cluster.monitor import ClusterService
from bot.services.cluster.node_names import NodeBook
from bot.services.cluster.observed import Observed
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

    async def card(self, locale: str, cluster: str | None = None) -> Card:
        """Of a message under which somebody pressed Live."""
        return CARD


@dataclass(eq=False)
class Channel:
    """A :class:`bot.services.operations.boards.CardPoster` that keeps its cards."""

    posted: list[int] = field(default_factory=list)
    edits: list[tuple[int, Card]] = field(default_factory=list)
    edited: asyncio.Event = field(default_factory=asyncio.Event)
    refusal: DeliveryError | None = None

    async def post(self, channel_id: int, card: Card) -> int:
        """Keep the channel."""
        self.posted.append(channel_id)
        return 70 + len(self.posted)

    async def edit(self, channel_id: int, message_id: int, card: Card) -> None:
        """Keep the edit. Raises what a test has set, for message 70 alone."""
        if self.refusal is not None and message_id == 70:
            raise self.refusal
        self.edits.append((message_id, card))
        self.edited.set()


def keeper(one: Process, channel: Channel, *, failures: int = 0) -> BoardKeeper:
    """The board keeper of this process."""
    cluster = ClusterService(one.scheduler, one.monitor, "", one.clock)
    database, clock = one.database, one.clock
    nodes = NodeBook(database.node_names, [cluster], database.audit, clock)
    return BoardKeeper(
        database.boards,
        FailingCards(failures),
        channel,
        [Observed(Cluster("", one.scheduler, one.monitor, cluster), one.recorder)],
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


@asynccontextmanager
async def at_work(boards: BoardKeeper) -> AsyncIterator[None]:
    """Keep the boards current inside the block."""
    task = asyncio.create_task(boards.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(clock: HandClock, condition: Callable[[], bool]) -> None:
    """Let time pass until this is true."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await clock.asleep()
            clock.advance(1.0)


async def test_a_board_whose_message_is_gone_is_sent_again_and_kept_there(tmp_path: Path) -> None:
    """Once, and the new message is stored: a restart goes on with it."""
    clock, channel = HandClock(), Channel(refusal=MessageGone("10008"))
    async with process(new_database(tmp_path), clock) as one:
        await one.database.boards.put_board(Board(7, None, 70, "en"))
        async with at_work(keeper(one, channel)):
            await until(clock, lambda: bool(channel.edits))
        assert channel.posted == [7]
        assert {message_id for message_id, _ in channel.edits} == {71}
        assert list(await one.database.boards.boards()) == [Board(7, None, 71, "en")]


async def test_a_board_whose_channel_is_closed_to_the_bot_is_tried_again(tmp_path: Path) -> None:
    """It may be let in again. Nothing is sent anew: the message is still there."""
    clock, channel = HandClock(), Channel(refusal=AccessLost("50001"))
    async with process(new_database(tmp_path), clock) as one:
        await one.database.boards.put_board(Board(7, None, 70, "en"))
        with capture_logs() as logs:
            async with at_work(keeper(one, channel)):
                await until(clock, lambda: any(entry["event"] == "board.no_access" for entry in logs))
                channel.refusal = None
                await until(clock, lambda: bool(channel.edits))
    assert channel.posted == []


async def test_a_board_that_somebody_deletes_is_sent_again(tmp_path: Path) -> None:
    """As soon as Discord tells of it; other messages are nothing to the boards."""
    clock, channel = HandClock(), Channel()
    async with process(new_database(tmp_path), clock) as one:
        await one.database.boards.put_board(Board(7, None, 70, "en"))
        boards = keeper(one, channel)
        async with at_work(boards):
            await until(clock, lambda: bool(channel.edits))
            await boards.message_deleted(69)
            await boards.message_deleted(70)
            await until(clock, lambda: bool(channel.posted))
    assert channel.posted == [7]


async def test_a_board_is_placed_once_in_a_channel_and_removed_once(tmp_path: Path) -> None:
    """Placed again, it is a new message; the old one is not edited any more."""
    clock, channel = HandClock(), Channel()
    async with process(new_database(tmp_path), clock) as one:
        boards = keeper(one, channel)
        async with at_work(boards):
            for _ in range(2):
                await boards.place(7, 8, "en", by=9)
            assert list(await one.database.boards.boards()) == [Board(7, 8, 72, "en")]
            assert [await boards.remove(7, by=9) for _ in range(2)] == [True, False]
            assert list(await one.database.boards.boards()) == []
        noted = [entry.detail for entry in await one.database.audit.recent(10)]
    assert noted == [{"channel": 7, "removed": removed} for removed in (True, True, False, False)]


async def test_live_pressed_again_is_followed_by_one_alone(tmp_path: Path) -> None:
    """The first ends without another edit; both end when the message cannot be edited."""
    clock, shown = HandClock(), list[Card]()

    async def show(card: Card) -> None:
        shown.append(card)

    async def refused(card: Card) -> None:
        raise AccessLost("50001")

    async with process(new_database(tmp_path), clock) as one:
        boards = keeper(one, Channel())
        first = asyncio.create_task(boards.follow(5, "en", show, CARD))
        await clock.asleep()
        second = asyncio.create_task(boards.follow(5, "en", refused, CARD))
        await asyncio.wait_for(first, PATIENCE)
        assert shown == []
        while not second.done():
            clock.advance(1.0)
            for _ in range(10):
                await asyncio.sleep(0)
        await second
