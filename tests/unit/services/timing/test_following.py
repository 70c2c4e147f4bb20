"""How often a board and a live card are edited, over minutes and hours."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from bot.presentation.status import Accent, Card
from bot.services.operations.boards import BOARD_PACE, LIVE_PACE, LIVE_SECONDS, Follower, Pace
from tests.fakes.clocks import LoopClock

HOUR = 3600.0
FIRST = Card(("at first",), Accent.GOOD)


@dataclass(eq=False)
class Screen:
    """What a reader sees, and when it changed; ``drawn`` is the card as it would be drawn now."""

    drawn: Card = FIRST
    shown: list[tuple[float, Card]] = field(default_factory=list)
    clock: LoopClock = field(default_factory=LoopClock)

    async def draw(self) -> Card:
        """The card now."""
        return self.drawn

    async def show(self, card: Card) -> None:
        """One edit."""
        self.shown.append((self.clock.monotonic(), card))

    def follower(self, pace: Pace) -> Follower:
        """Who keeps it current."""
        return Follower(self.draw, self.show, self.clock, pace)

    @property
    def gaps(self) -> list[float]:
        """Seconds between edits."""
        return [later - earlier for (earlier, _), (later, _) in pairwise(self.shown)]


def card(number: int) -> Card:
    """One of many."""
    return Card((f"figure {number}",), Accent.GOOD)


async def keeps_changing(screen: Screen, seconds: float) -> None:
    """Another figure every three seconds."""
    for number in range(int(seconds / 3)):
        screen.drawn = card(number)
        await screen.clock.sleep(3.0)


async def for_seconds(seconds: float, follower: Follower) -> None:
    """Follow without an end, for so long."""
    with suppress(TimeoutError):
        await asyncio.wait_for(follower.run(FIRST), seconds)


async def test_a_live_card_is_followed_for_ten_minutes_with_few_edits() -> None:
    """On a quiet cluster once a minute, so that its reader sees that it lives."""
    screen = Screen()
    began = screen.clock.monotonic()
    await screen.follower(LIVE_PACE).run(FIRST, seconds=LIVE_SECONDS)
    assert screen.clock.monotonic() - began == pytest.approx(600.0, abs=1.0)
    assert len(screen.shown) <= 10
    assert min(screen.gaps) >= 60.0


async def test_a_busy_live_card_is_edited_every_ten_seconds_at_most() -> None:
    """However fast the figures change; the newest are shown in the end."""
    screen = Screen()
    changing = asyncio.create_task(keeps_changing(screen, LIVE_SECONDS - 15))
    await screen.follower(LIVE_PACE).run(FIRST, seconds=LIVE_SECONDS)
    await changing
    assert 50 <= len(screen.shown) <= 60
    assert min(screen.gaps) >= 10.0
    assert screen.shown[-1][1] == screen.drawn


async def test_a_quiet_board_is_edited_twenty_times_an_hour_at_most() -> None:
    """That finds out whether it still exists."""
    screen = Screen()
    await for_seconds(HOUR, screen.follower(BOARD_PACE))
    assert 1 <= len(screen.shown) <= 20


async def test_a_busy_board_is_edited_four_times_a_minute_at_most() -> None:
    """Figures are no events."""
    screen = Screen()
    changing = asyncio.create_task(keeps_changing(screen, 180))
    await for_seconds(180, screen.follower(BOARD_PACE))
    await changing
    assert min(screen.gaps) >= 15.0
    assert len(screen.shown) >= 10


@pytest.mark.parametrize("pace", [BOARD_PACE, LIVE_PACE], ids=["board", "live"])
async def test_an_event_is_shown_within_two_seconds(pace: Pace) -> None:
    """Also right after an edit; what looks the same all the same is not shown again."""
    screen = Screen()
    follower = screen.follower(pace)
    following = asyncio.create_task(for_seconds(60, follower))
    for number in range(5):
        await screen.clock.sleep(0.3)
        happened = screen.clock.monotonic()
        screen.drawn = card(number)
        follower.changed(urgent=True)
        await screen.clock.sleep(2.0)
        at, seen = screen.shown[-1]
        assert seen == card(number)
        assert at - happened <= 2.0
    before = len(screen.shown)
    follower.changed(urgent=True)
    await screen.clock.sleep(2.0)
    assert len(screen.shown) == before
    await following


async def test_a_storm_of_events_stays_within_the_channels_limit() -> None:
    """Five edits in five seconds is what a channel takes, from all boards and answers in it."""
    screen = Screen()
    follower = screen.follower(BOARD_PACE)
    following = asyncio.create_task(for_seconds(20, follower))
    for number in range(100):
        screen.drawn = card(number)
        follower.changed(urgent=True)
        await screen.clock.sleep(0.1)
    await following
    assert min(screen.gaps) >= 1.2
    assert screen.shown[-1][1] == screen.drawn
